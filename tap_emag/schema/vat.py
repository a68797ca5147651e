"""Names what is known of the VAT in an amount.

A sum over columns is wrong where one of them contains VAT and the other does not. So each amount
declares it, and declares how it is known.
"""

from __future__ import annotations

from enum import Enum


class Vat(Enum):
    """Whether VAT is in an amount.

    Documented: eMAG's API documentation 4.5.1 gives it. Observed: replies showed it, and the
    documentation does not mention it.
    """

    EXCLUDED = "not included (documented)"
    EXCLUDED_OBSERVED = "not included (observed, not documented)"
    INCLUDED = "included (documented)"
    INCLUDED_OBSERVED = "included (observed, not documented)"
    ITSELF = "the amount is VAT (documented)"
    UNKNOWN = "unknown"

    @property
    def sentence(self) -> str:
        """Return the sentence that ends a column's description."""
        return f"VAT: {self.value}."
