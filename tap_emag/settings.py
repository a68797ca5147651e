"""The checked settings of a run, ready to use."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tap_emag.checks import checked

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path
    from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class Settings:
    """Checked settings, ready to use; durations are seconds, moments are aware and in UTC."""

    username: str
    password: str = field(repr=False)
    marketplace: str
    account_type: str
    api_url: str
    timezone: ZoneInfo
    start_date: datetime
    end_date: datetime | None
    order_types: tuple[int, ...]
    order_lookback_seconds: int
    settle_seconds: int
    return_lookback_days: int
    invoice_lookback_days: int
    metadata_cache_ttl_seconds: int
    max_concurrent_requests: int
    rate_limit_share: float
    request_timeout_seconds: float
    retry_max_attempts: int
    retry_wait_min_seconds: float
    retry_wait_max_seconds: float
    rate_limit_store: str | None = field(repr=False)
    breaker_failure_threshold: int
    breaker_recovery_seconds: float
    sync_timeout_seconds: float
    stall_timeout_seconds: float
    state_dir: Path
    metrics_textfile: Path | None
    metrics_port: int | None
    metrics_address: str
    pushgateway_url: str | None = field(repr=False)
    webhook_url: str | None = field(repr=False)
    webhook_secret: str | None = field(repr=False)
    webhook_format: str
    log_format: str

    @property
    def account(self) -> str:
        """Tell accounts apart as the server does: by user and host."""
        return f"{self.username}@{urlsplit(self.api_url).netloc}"

    @property
    def rest_url(self) -> str:
        """Return the base URL of the REST helpers: the API's host without `-api` (observed)."""
        parts = urlsplit(self.api_url)
        return f"{parts.scheme}://{parts.netloc.replace('marketplace-api.', 'marketplace.')}/api/v1"

    @classmethod
    def from_config(cls, config: Mapping[str, Any], now: datetime) -> Settings:
        """Check a configuration as a whole.

        Args:
            config: Values by setting name; absent, null and "" all mean the default.
            now: The present moment, aware; what one year ago is counted from.

        Raises:
            ConfigurationError: With one sentence for each setting that is wrong.
        """
        values = checked(config, now)
        return cls(**{item.name: values[item.name] for item in fields(cls)})
