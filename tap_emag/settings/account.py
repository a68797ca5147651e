"""The seller account that rows are read from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Account:
    """The seller account that rows are read from."""

    marketplace: str
    account_type: str

    def columns(self) -> dict[str, Any]:
        """Return the values of ACCOUNT_COLUMNS."""
        return {"marketplace": self.marketplace, "account_type": self.account_type}
