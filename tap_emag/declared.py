"""Every setting of the tap, declared once: name, type, range, default, meaning.

`meltano.yml` and the README repeat the names and defaults for those who read there; a test holds
the three equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tap_emag.marketplaces import MARKETPLACES

ORDER_TYPES = (3, 2)


@dataclass(frozen=True)
class Setting:
    """One declared setting; `minimum` and `maximum` bound numbers, both included."""

    name: str
    kind: str  # string, integer, number, date-time, integer-list
    description: str
    default: Any = None
    required: bool = False
    secret: bool = False
    minimum: float | None = None
    maximum: float | None = None
    options: tuple[Any, ...] = ()

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of this setting, with what Singer tools read beside it."""
        # Numbers may come as text: Meltano passes fractions so.
        types = {
            "date-time": ["string"],
            "integer-list": ["array"],
            "number": ["number", "string"],
        }
        schema: dict[str, Any] = {
            "type": types.get(self.kind, [self.kind]) + ([] if self.required else ["null"]),
            "description": self.description,
        }
        if self.kind == "integer-list":
            schema["items"] = {"type": "integer"}
        if self.default is not None:
            schema["default"] = list(self.default) if self.kind == "integer-list" else self.default
        if self.secret:
            schema["secret"] = True
        return schema


SETTINGS = (
    Setting("username", "string", "API user of the eMAG account.", required=True),
    Setting("password", "string", "The API user's password.", required=True, secret=True),
    Setting(
        "marketplace",
        "string",
        f"Platform the account sells on: {', '.join(MARKETPLACES)}.",
        default="emag_ro",
    ),
    Setting(
        "account_type",
        "string",
        "Label of the account, part of every key: main, fbe, or any short name.",
        default="main",
    ),
    Setting(
        "api_url",
        "string",
        "Base URL of the API, for a sandbox or a proxy. By default the marketplace's own.",
    ),
    Setting(
        "timezone",
        "string",
        "IANA zone of the API's clock. By default the marketplace's own.",
    ),
    Setting(
        "start_date",
        "date-time",
        "First moment a first sync reads (ISO 8601). By default one year ago.",
    ),
    Setting(
        "end_date",
        "date-time",
        "Last moment to read (ISO 8601), for a backfill. By default none.",
    ),
    Setting(
        "order_types",
        "integer-list",
        "Orders to read: 3 sent by the seller, 2 sent by eMAG.",
        default=ORDER_TYPES,
        options=ORDER_TYPES,
    ),
    Setting(
        "order_lookback_seconds",
        "integer",
        "How far behind the bookmark orders are read again.",
        default=3600,
        minimum=0,
        maximum=366 * 86400,
    ),
    Setting(
        "settle_seconds",
        "integer",
        "How far the bookmark stays behind the server's clock.",
        default=120,
        minimum=2,
        maximum=86400,
    ),
    Setting(
        "return_lookback_days",
        "integer",
        "How far back returns are read again, beside the open ones.",
        default=90,
        minimum=1,
        maximum=3660,
    ),
    Setting(
        "invoice_lookback_days",
        "integer",
        "How far behind the latest reading invoices are read again.",
        default=35,
        minimum=1,
        maximum=3660,
    ),
    Setting(
        "metadata_cache_ttl_seconds",
        "integer",
        "How long reference lists, such as categories, are good before they are read again.",
        default=3600,
        minimum=0,
        maximum=366 * 86400,
    ),
    Setting(
        "max_concurrent_requests",
        "integer",
        "Requests of one budget that may be under way at once.",
        default=8,
        minimum=1,
        maximum=64,
    ),
    Setting(
        "rate_limit_share",
        "number",
        "Part of the account's request budget this tap may use, above 0 and at most 1.",
        default=0.9,
        minimum=0.01,
        maximum=1,
    ),
    Setting(
        "rate_limit_store",
        "string",
        "Where taps on several hosts share the budget: postgresql://… By default a file in"
        " state_dir.",
        secret=True,
    ),
    Setting(
        "request_timeout_seconds",
        "number",
        "How long one request may stay without an answer.",
        default=90,
        minimum=1,
        maximum=600,
    ),
    Setting(
        "retry_max_attempts",
        "integer",
        "Attempts for a request that fails for a passing reason, unless the breaker opens.",
        default=5,
        minimum=1,
        maximum=100,
    ),
    Setting(
        "retry_wait_min_seconds",
        "number",
        "First pause before a retry; it doubles, with jitter.",
        default=4,
        minimum=0,
        maximum=600,
    ),
    Setting(
        "retry_wait_max_seconds",
        "number",
        "Longest pause before a retry.",
        default=60,
        minimum=0,
        maximum=3600,
    ),
    Setting(
        "breaker_failure_threshold",
        "integer",
        "Failures in a row after which no request is made for a while.",
        default=5,
        minimum=1,
        maximum=1000,
    ),
    Setting(
        "breaker_recovery_seconds",
        "number",
        "How long that while is, before one request tries again.",
        default=60,
        minimum=1,
        maximum=3600,
    ),
    Setting(
        "sync_timeout_seconds",
        "number",
        "How long a whole run may take; 0 for no limit.",
        default=600,
        minimum=0,
        maximum=30 * 86400,
    ),
    Setting(
        "stall_timeout_seconds",
        "number",
        "How long nothing may come from the API or go to the target; 0 for no limit.",
        default=180,
        minimum=0,
        maximum=86400,
    ),
    Setting(
        "state_dir",
        "string",
        "Folder for budgets, breaker and journals. By default the user's own state folder.",
    ),
    Setting(
        "metrics_textfile",
        "string",
        "File that Prometheus' node-exporter collects metrics from, ending in .prom. By default"
        " none.",
    ),
    Setting(
        "metrics_port",
        "integer",
        "Port that Prometheus can read metrics from while the tap runs. By default none.",
        minimum=1,
        maximum=65535,
    ),
    Setting(
        "metrics_address",
        "string",
        "Address that this port is opened on; 0.0.0.0 lets other hosts read it.",
        default="127.0.0.1",
    ),
    Setting(
        "pushgateway_url",
        "string",
        "Prometheus Pushgateway that metrics are sent to, such as http://localhost:9091. By default"
        " none.",
        secret=True,
    ),
    Setting(
        "webhook_url",
        "string",
        "Address that is told of the end of each run. By default none.",
        secret=True,
    ),
    Setting(
        "webhook_secret",
        "string",
        "Key that these messages are signed with (HMAC-SHA256). By default they are not signed.",
        secret=True,
    ),
    Setting(
        "webhook_format",
        "string",
        "Form of these messages: json, or slack for a Slack incoming webhook.",
        default="json",
        options=("json", "slack"),
    ),
    Setting(
        "log_format",
        "string",
        "Form of log lines: text, or json with run id and account in each line.",
        default="text",
        options=("text", "json"),
    ),
)


def default_values() -> dict[str, Any]:
    """Return the default of each setting that has one, by name."""
    return {setting.name: setting.default for setting in SETTINGS if setting.default is not None}


def config_schema() -> dict[str, Any]:
    """Return the JSON schema of the tap's configuration."""
    return {
        "type": "object",
        "properties": {setting.name: setting.schema() for setting in SETTINGS},
        "required": [setting.name for setting in SETTINGS if setting.required],
    }
