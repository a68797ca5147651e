"""Every setting of the tap, declared once: name, type, range, default, meaning.

`meltano.yml` and the README repeat the names and defaults for those who read there; a test holds
the three equal.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import platformdirs

from tap_emag.errors import ConfigurationError
from tap_emag.marketplaces import MARKETPLACES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

APP = "tap-emag"
ORDER_TYPES = (3, 2)
FIRST_SYNC = timedelta(days=365)
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
ACCOUNT_TYPE = re.compile(r"[a-z0-9][a-z0-9_-]{0,29}")


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
            schema["default"] = list(self.default) if self.options else self.default
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
        "Folder for budgets and breaker. By default the user's own state folder.",
    ),
)


def config_schema() -> dict[str, Any]:
    """Return the JSON schema of the tap's configuration."""
    return {
        "type": "object",
        "properties": {setting.name: setting.schema() for setting in SETTINGS},
        "required": [setting.name for setting in SETTINGS if setting.required],
    }


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
        return _Check(config, now).settings()


class _Check:
    """Collects what is wrong while it reads, so that a user sees every mistake at once."""

    def __init__(self, config: Mapping[str, Any], now: datetime) -> None:
        self.config = config
        self.now = now
        self.problems: list[str] = []

    def settings(self) -> Settings:
        values = {setting.name: self._value(setting) for setting in SETTINGS}
        values["marketplace"] = self._marketplace(values["marketplace"])
        home = MARKETPLACES.get(values["marketplace"], MARKETPLACES["emag_ro"])
        values["api_url"] = self._url(values["api_url"] or home.api_url)
        values["timezone"] = self._zone(values["timezone"] or home.timezone)
        values["order_types"] = self._order_types(values["order_types"])
        values["rate_limit_store"] = self._store(values["rate_limit_store"])
        values["state_dir"] = self._folder(values["state_dir"])
        if not ACCOUNT_TYPE.fullmatch(str(values["account_type"])):
            self.problems.append(
                f"account_type: {values['account_type']!r} is no short name; use up to 30"
                " lower-case letters, digits, - and _, such as main or fbe"
            )
        values["start_date"] = values["start_date"] or self.now - FIRST_SYNC
        self._order(values)
        if self.problems:
            raise ConfigurationError(self.problems)
        names = {item.name for item in fields(Settings)}
        return Settings(**{name: value for name, value in values.items() if name in names})

    def _value(self, setting: Setting) -> Any:  # noqa: ANN401 - as many types as settings
        value = self.config.get(setting.name)
        if value is None or value == "":
            if setting.required:
                env = f"TAP_EMAG_{setting.name.upper()}"
                self.problems.append(f"{setting.name}: is missing; set it, or {env}")
            return setting.default
        if setting.kind in {"integer", "number"}:
            return self._number(setting, value)
        if setting.kind == "date-time":
            return self._moment(setting.name, value)
        return value

    def _number(self, setting: Setting, value: object) -> float | int | None:
        low, high = setting.minimum, setting.maximum
        wanted = (
            f"write a {'whole ' if setting.kind == 'integer' else ''}number from {low} to {high}"
        )
        try:
            number = float(str(value))
        except ValueError:
            number = float("nan")
        whole = setting.kind == "number" or number == number // 1
        if isinstance(value, bool) or not whole or low is None or high is None:
            number = float("nan")
        if not (low or 0) <= number <= (high or 0):
            self.problems.append(f"{setting.name}: {value!r} will not do; {wanted}")
            return setting.default  # type: ignore[no-any-return]
        return int(number) if setting.kind == "integer" else number

    def _moment(self, name: str, value: object) -> datetime | None:
        text = str(value).strip()
        try:
            moment = datetime.fromisoformat(re.sub(r"[zZ]$", "+00:00", text))
        except ValueError:
            self.problems.append(
                f"{name}: {text!r} is no date; write one such as 2026-01-31 or 2026-01-31T08:00:00Z"
            )
            return None
        aware = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
        return aware.astimezone(timezone.utc)

    def _marketplace(self, value: object) -> str:
        if not isinstance(value, str) or value not in MARKETPLACES:
            self.problems.append(
                f"marketplace: {value!r} is unknown; use one of {', '.join(MARKETPLACES)}"
            )
        return str(value)

    def _url(self, value: object) -> str:
        parts = urlsplit(str(value))
        problem = ""
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            problem = "is no web address; write one such as https://marketplace-api.emag.ro/api-3"
        elif parts.scheme == "http" and parts.hostname not in LOOPBACK:
            problem = "would send the password in the clear; write https://"
        elif parts.username or parts.password:
            problem = "holds credentials; put them in `username` and `password`"
        elif parts.query or parts.fragment:
            problem = "has a query or fragment; write only the base address"
        if problem:
            shown = parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="")
            self.problems.append(f"api_url: {shown.geturl()!r} {problem}")
        return str(value).rstrip("/")

    def _store(self, value: object) -> str | None:
        if value is None or urlsplit(str(value)).scheme in {"postgresql", "postgres"}:
            return None if value is None else str(value)
        self.problems.append(
            "rate_limit_store: is no address of a Postgres database; write one such as"
            " postgresql://user:password@host/database, or leave it out"
        )
        return None

    def _folder(self, value: object) -> Path:
        folder = Path(str(value)).expanduser() if value else platformdirs.user_state_path(APP)
        if not folder.is_absolute() or "\0" in str(folder):
            self.problems.append(
                f"state_dir: {str(value)!r} is no absolute path; write one such as /var/lib/{APP}"
            )
        return folder

    def _zone(self, value: object) -> ZoneInfo:
        try:
            return ZoneInfo(str(value))
        except (KeyError, ValueError, OSError):
            self.problems.append(
                f"timezone: {value!r} is no IANA zone; write one such as Europe/Bucharest"
            )
            return ZoneInfo("UTC")

    def _order_types(self, value: object) -> tuple[int, ...]:
        items = list(value) if isinstance(value, list | tuple) else [value]
        known = [item for item in items if item in ORDER_TYPES and not isinstance(item, bool)]
        if not items or len(known) != len(items) or len(set(known)) != len(known):
            self.problems.append(
                f"order_types: {value!r} will not do; write [3, 2], [3] or [2], each type once"
            )
        return tuple(known)

    def _order(self, values: Mapping[str, Any]) -> None:
        for problem in _orderings(values, self.now):
            self.problems.append(problem)


def _orderings(values: Mapping[str, Any], now: datetime) -> Iterator[str]:
    start, end = values["start_date"], values["end_date"]
    if start > now:
        yield f"start_date: {start:%Y-%m-%d %H:%M} UTC lies in the future; write an earlier date"
    if end and end <= start:
        yield (
            f"end_date: {end:%Y-%m-%d %H:%M} UTC is not after start_date"
            f" ({start:%Y-%m-%d %H:%M} UTC); write a later date"
        )
    if values["retry_wait_max_seconds"] < values["retry_wait_min_seconds"]:
        yield "retry_wait_max_seconds: is below retry_wait_min_seconds; write a larger number"
