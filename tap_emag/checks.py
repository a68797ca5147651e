"""Checks a configuration as a whole, and says of each wrong setting what to write instead."""

from __future__ import annotations

import ipaddress
import re
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import platformdirs

from tap_emag.declared import ORDER_TYPES, SETTINGS
from tap_emag.errors import ConfigurationError
from tap_emag.marketplaces import MARKETPLACES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from urllib.parse import SplitResult

    from tap_emag.declared import Setting

APP = "tap-emag"
# No shop is older; and where the calendar ends, so does what can be reckoned with it.
EARLIEST = datetime(2000, 1, 1, tzinfo=timezone.utc)
LATEST = datetime(9000, 1, 1, tzinfo=timezone.utc)
FIRST_SYNC = timedelta(days=365)
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
ACCOUNT_TYPE = re.compile(r"[a-z0-9][a-z0-9_-]{0,29}")


def checked(config: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Return a value for every setting, of the type it is used as.

    Args:
        config: Values by setting name; absent, null and "" all mean the default.
        now: The present moment, aware; what one year ago is counted from.

    Raises:
        ConfigurationError: With one sentence for each setting that is wrong.
    """
    return _Check(config, now).values()


class _Check:
    """Collects what is wrong while it reads, so that a user sees every mistake at once."""

    def __init__(self, config: Mapping[str, Any], now: datetime) -> None:
        self.config = config
        self.now = now
        self.problems: list[str] = []

    def values(self) -> dict[str, Any]:
        values = {setting.name: self._value(setting) for setting in SETTINGS}
        values["marketplace"] = self._marketplace(values["marketplace"])
        home = MARKETPLACES.get(values["marketplace"], MARKETPLACES["emag_ro"])
        values["api_url"] = self._url(values["api_url"] or home.api_url)
        values["timezone"] = self._zone(values["timezone"] or home.timezone)
        values["order_types"] = self._order_types(values["order_types"])
        values["rate_limit_store"] = self._store(values["rate_limit_store"])
        values["state_dir"] = self._folder(values["state_dir"])
        values["metrics_textfile"] = self._textfile(values["metrics_textfile"])
        values["metrics_address"] = self._address(values["metrics_address"])
        for name in ("pushgateway_url", "webhook_url"):
            values[name] = self._outlet(name, values[name])
        if not ACCOUNT_TYPE.fullmatch(str(values["account_type"])):
            self.problems.append(
                f"account_type: {values['account_type']!r} is no short name; use up to 30"
                " lower-case letters, digits, - and _, such as main or fbe"
            )
        values["start_date"] = values["start_date"] or self.now - FIRST_SYNC
        self._order(values)
        if self.problems:
            raise ConfigurationError(self.problems)
        return values

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
        if setting.kind == "string" and setting.options and value not in setting.options:
            self.problems.append(
                f"{setting.name}: {value!r} is unknown; write {' or '.join(setting.options)}"
            )
            return setting.default
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
        if not EARLIEST <= aware.replace(tzinfo=timezone.utc) <= LATEST:
            self.problems.append(
                f"{name}: {text!r} lies outside of the years {EARLIEST.year} to {LATEST.year};"
                " write another date"
            )
            return None
        return aware.astimezone(timezone.utc)

    def _marketplace(self, value: object) -> str:
        if not isinstance(value, str) or value not in MARKETPLACES:
            self.problems.append(
                f"marketplace: {value!r} is unknown; use one of {', '.join(MARKETPLACES)}"
            )
        return str(value)

    def _url(self, value: object) -> str:
        parts = _parts(value)
        if parts is None:
            self.problems.append(
                "api_url: is no web address; write one such as"
                " https://marketplace-api.emag.ro/api-3"
            )
            return str(value)
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
        parts = _parts(value)
        if value is None or (parts and parts.scheme in {"postgresql", "postgres"}):
            return None if value is None else str(value)
        self.problems.append(
            "rate_limit_store: is no address of a Postgres database; write one such as"
            " postgresql://user:password@host/database, or leave it out"
        )
        return None

    def _folder(self, value: object) -> Path:
        folder = _path(value) if value else platformdirs.user_state_path(APP)
        if not folder.is_absolute() or "\0" in str(folder):
            self.problems.append(
                f"state_dir: {str(value)!r} is no absolute path; write one such as /var/lib/{APP}"
            )
        return folder

    def _textfile(self, value: object) -> Path | None:
        """Check what node-exporter asks of a file's name; it skips all others without a word."""
        if not value:
            return None
        path = _path(value)
        if not path.is_absolute() or path.suffix != ".prom" or "\0" in str(path):
            self.problems.append(
                f"metrics_textfile: {str(value)!r} is no absolute path ending in .prom; write one"
                f" such as /var/lib/prometheus/node-exporter/{APP}.prom"
            )
        return path

    def _address(self, value: object) -> str:
        try:
            ipaddress.ip_address(str(value))
        except ValueError:
            self.problems.append(
                f"metrics_address: {value!r} is no IP address; write 127.0.0.1, or 0.0.0.0 to let"
                " other hosts read the metrics"
            )
        return str(value)

    def _outlet(self, name: str, value: object) -> str | None:
        """Check an address something is sent to; it may be a secret, so it is not repeated."""
        if not value:
            return None
        parts = _parts(value)
        if not parts or parts.scheme not in {"http", "https"} or not parts.hostname:
            self.problems.append(
                f"{name}: is no web address; write one such as https://example.com/path"
            )
        return str(value)

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


def _parts(value: object) -> SplitResult | None:
    """Take an address apart; None when it cannot be one."""
    try:
        parts = urlsplit(str(value))
        _ = parts.port
    except ValueError:
        return None
    return parts


def _path(value: object) -> Path:
    """Return a path, `~` resolved; with the name of a user who does not exist it stays as it is."""
    path = Path(str(value))
    try:
        return path.expanduser()
    except RuntimeError:
        return path


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
