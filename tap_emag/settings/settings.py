"""Every setting of the tap, declared once, and the checked settings of a run.

The JSON schema, `meltano.yml`, `.env.example` and `docs/settings.md` follow from the declarations:
`make generate` writes the files.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import platformdirs

from tap_emag.errors import ConfigurationError
from tap_emag.meltano.variables import APP
from tap_emag.settings import kinds
from tap_emag.settings.declaration import declared, setting
from tap_emag.settings.kinds import InvalidError, number, one_of, whole_number
from tap_emag.settings.marketplaces import MARKETPLACES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

FIRST_SYNC: Final = timedelta(days=365)
YEAR: Final = 366  # days
DAY: Final = 86_400  # seconds
SCOPES: Final = ("user", "user_and_host", "all")  # of a request budget


@dataclass(frozen=True)
class Settings:
    """Checked settings, ready to use; durations are seconds, moments are aware and in UTC."""

    username: str = setting(kinds.TEXT, "API user of the eMAG account.", required=True)
    password: str = setting(kinds.SECRET, "Password of the API user.", required=True, secret=True)
    marketplace: str = setting(
        one_of(*MARKETPLACES),
        f"Platform the account sells on: {', '.join(MARKETPLACES)}.",
        default="emag_ro",
    )
    account_type: str = setting(
        kinds.SHORT_NAME,
        "Label of the account, part of every key: main, fbe, or any short name.",
        default="main",
    )
    api_url: str = setting(
        kinds.API_URL,
        "Base URL of the API, for a sandbox or a proxy. By default the marketplace's own.",
        derived=lambda values, _: MARKETPLACES[values["marketplace"]].api_url,
        shown="by marketplace",
    )
    timezone: ZoneInfo = setting(
        kinds.ZONE,
        "IANA zone of the API's clock. By default the marketplace's own.",
        derived=lambda values, _: ZoneInfo(MARKETPLACES[values["marketplace"]].timezone),
        shown="by marketplace",
    )
    start_date: datetime = setting(
        kinds.MOMENT,
        "First moment that a first sync reads. By default one year ago.",
        derived=lambda _, now: now - FIRST_SYNC,
        shown="one year ago",
    )
    end_date: datetime | None = setting(
        kinds.MOMENT, "Last moment that a backfill reads. By default none."
    )
    order_types: tuple[int, ...] = setting(
        kinds.ORDER_TYPE_LIST,
        "Types of orders to read: 3 sent by the seller, 2 sent by eMAG.",
        default=kinds.ORDER_TYPES,
    )
    order_lookback_seconds: int = setting(
        whole_number(0, YEAR * DAY, "seconds"),
        "Orders that changed this long before the bookmark are read again.",
        default=3600,
    )
    order_reread_days: int = setting(
        whole_number(0, YEAR, "days"),
        "Read the orders of the last so many days again, without moving the bookmark, and count"
        " those that came late. 0 for a regular run.",
        default=0,
    )
    settle_seconds: int = setting(
        whole_number(2, DAY, "seconds"),
        "The bookmark stays this far before the server's clock.",
        default=120,
    )
    return_lookback_days: int = setting(
        whole_number(1, 3660, "days"),
        "Returns of this many days are read again, besides the open ones.",
        default=90,
    )
    shipment_reread_seconds: int = setting(
        whole_number(0, 365 * DAY, "seconds"),
        "A shipment of an open return is read again after this time, a delivered one after four"
        " times as long. 0 reads all in each run.",
        default=21_600,
    )
    invoice_lookback_days: int = setting(
        whole_number(1, 3660, "days"),
        "Invoices dated this long before the latest sync are read again.",
        default=35,
    )
    allow_mass_deletion: bool = setting(
        kinds.FLAG,
        "Accept once that more than a tenth of the known rows of a list, and more than 20, are"
        " gone.",
        default=False,
    )
    allow_second_pipeline: bool = setting(
        kinds.FLAG,
        "Accept that this pipeline reads offers which another one has read into the same loader.",
        default=False,
    )
    metadata_cache_ttl_seconds: int = setting(
        whole_number(0, YEAR * DAY, "seconds"),
        "Reference lists, such as categories, are read again when they are older than this.",
        default=3600,
    )
    category_language: str | None = setting(
        one_of(*kinds.LANGUAGES),
        f"Language of the names of categories: {', '.join(kinds.LANGUAGES)}. By default the"
        " platform's own.",
        shown="by marketplace",
    )
    locality_countries: tuple[str, ...] = setting(
        kinds.COUNTRY_LIST,
        f"Countries whose localities are read: {', '.join(kinds.COUNTRIES)}. By default the"
        " platform's own.",
        derived=lambda _values, _now: (),
        shown="by marketplace",
    )
    max_concurrent_requests: int = setting(
        whole_number(1, 64, "requests"),
        "Maximum concurrent requests of one request budget.",
        default=8,
    )
    rate_limit_share: float = setting(
        kinds.SHARE,
        "Part of the account's request budget that this tap uses. auto: up to 0.97, less while"
        " other programs use the account.",
        default=0.9,
    )
    rate_limit_store: str | None = setting(
        kinds.POSTGRES_URL,
        "Postgres database in which taps on several hosts share the request budget. By default a"
        " file in state_dir.",
        secret=True,
        shown="a file",
    )
    rate_limit_scope: str = setting(
        one_of(*SCOPES),
        "Which accounts of one store share a request budget: those of one user on all hosts, those"
        " of one user on one host, or all.",
        default="user",
    )
    request_timeout_seconds: float = setting(
        number(1, 600, "seconds"), "Maximum time until one request is answered.", default=90
    )
    retry_max_attempts: int = setting(
        whole_number(1, 100, "attempts"),
        "Maximum attempts for a request that fails with a transient error.",
        default=5,
    )
    retry_wait_min_seconds: float = setting(
        number(0, 600, "seconds"),
        "First pause before a retry; each further one is twice as long, with jitter.",
        default=4,
    )
    retry_wait_max_seconds: float = setting(
        number(0, 3600, "seconds"), "Longest pause before a retry.", default=60
    )
    breaker_failure_threshold: int = setting(
        whole_number(1, 1000, "failures"),
        "Consecutive failures that open the circuit breaker: no request is sent while it is open.",
        default=5,
    )
    breaker_recovery_seconds: float = setting(
        number(1, 3600, "seconds"),
        "Seconds the circuit breaker stays open before it lets one trial request through.",
        default=60,
    )
    sync_timeout_seconds: float = setting(
        number(0, 30 * DAY, "seconds"),
        "Maximum time of a run. 0, the default, means no limit: a run goes on while data come or"
        " go.",
        derived=lambda _values, _now: 0.0,
        shown="no limit",
    )
    stall_timeout_seconds: float = setting(
        number(0, DAY, "seconds"),
        "Maximum time without data from the API or to the target. 0 for no limit.",
        default=180,
    )
    state_dir: Path = setting(
        kinds.FOLDER,
        "Folder for request budgets, circuit breaker and journals. By default the user's own state"
        " folder.",
        derived=lambda _values, _now: platformdirs.user_state_path(APP),
        shown="by system",
    )
    metrics_textfile: Path | None = setting(
        kinds.TEXTFILE,
        "File that Prometheus' node-exporter collects metrics from. By default none.",
    )
    metrics_port: int | None = setting(
        whole_number(1, 65535),
        "Port on which Prometheus can read metrics while the tap runs. By default none.",
    )
    metrics_address: str = setting(
        kinds.IP_ADDRESS,
        "Address on which this port is opened; 0.0.0.0 lets other hosts read it.",
        default="127.0.0.1",
    )
    pushgateway_url: str | None = setting(
        kinds.OUTLET,
        "Prometheus Pushgateway that metrics are sent to, such as http://localhost:9091. By default"
        " none.",
        secret=True,
    )
    webhook_url: str | None = setting(
        kinds.OUTLET, "URL that receives a POST when a run ends. By default none.", secret=True
    )
    webhook_secret: str | None = setting(
        kinds.SIGNING_KEY,
        "Key that signs these messages (HMAC-SHA256). By default they are not signed.",
        secret=True,
    )
    webhook_format: str = setting(
        one_of("json", "slack"),
        "Form of these messages: json, or slack for a Slack incoming webhook.",
        default="json",
    )
    log_format: str = setting(
        one_of("text", "json"),
        "Form of log lines: text, or json with run id and account in each line.",
        default="text",
    )

    @property
    def api_identity(self) -> str:
        """Return the user on one host, as `user@host`: what eMAG admits or refuses."""
        return f"{self.username}@{urlsplit(self.api_url).netloc}"

    @property
    def budget_identity(self) -> str:
        """Return a text that all accounts with one request budget have in common.

        It is not documented by what eMAG counts requests. Where it counts by user and host, the
        default leaves a part of each budget unused; where it counts a user on all hosts together,
        any smaller scope exceeds the limit.
        """
        by_scope = {"user": self.username, "user_and_host": self.api_identity, "all": ""}
        return by_scope[self.rate_limit_scope]

    @property
    def is_off_the_bookmark(self) -> bool:
        """Return whether a run is a backfill or a deep re-read, which move no stream forward."""
        return self.end_date is not None or self.order_reread_days > 0

    @property
    def rest_url(self) -> str:
        """Return the base URL of the REST helpers: the API's host without `-api` (observed)."""
        parts = urlsplit(self.api_url)
        return f"{parts.scheme}://{parts.netloc.replace('marketplace-api.', 'marketplace.')}/api/v1"

    @classmethod
    def from_config(cls, config: Mapping[str, Any], now: datetime) -> Settings:
        """Check a configuration.

        Args:
            config: Values by setting name; absent, null and "" all mean the default.
            now: The present moment, aware; one year ago is counted from it.

        Raises:
            ConfigurationError: With one sentence for each setting that is wrong.
        """
        return Checked.of(config, now).settings()


SETTINGS: Final = declared(Settings)
DEFAULTS: Final = {each.name: each.default for each in SETTINGS if each.default is not None}


@dataclass(frozen=True)
class Checked:
    """A configuration after its one check.

    `usable` has defaults in the place of wrong settings: it serves to report `problems`, which are
    by setting name, and not to read anything.
    """

    usable: Settings
    problems: Mapping[str, str]

    @classmethod
    def of(cls, config: Mapping[str, Any], now: datetime) -> Checked:
        """Check all settings, so that a user sees every mistake at once."""
        values: dict[str, Any] = {}
        problems: dict[str, str] = {}
        for each in SETTINGS:
            given = config.get(each.name)
            values[each.name], problem = each.check(given, values, now)
            if problem:
                problems[each.name] = problem
        for name, contradiction in _contradictions(values, now):
            problems.setdefault(name, contradiction)
        return cls(Settings(**values), problems)

    def settings(self) -> Settings:
        """Return the settings.

        Raises:
            ConfigurationError: With one sentence for each setting that is wrong.
        """
        if self.problems:
            raise ConfigurationError([f"{name}: {text}" for name, text in self.problems.items()])
        return self.usable


def _contradictions(values: Mapping[str, Any], now: datetime) -> Iterator[tuple[str, str]]:
    start, end = values["start_date"], values["end_date"]
    begin = f"{start:%Y-%m-%d %H:%M} UTC"
    if start > now:
        yield "start_date", f"{begin} is in the future; write an earlier date"
    if end and end <= start:
        problem = f"{end:%Y-%m-%d %H:%M} UTC is not after start_date ({begin}); write a later date"
        yield "end_date", problem
    if values["retry_wait_max_seconds"] < values["retry_wait_min_seconds"]:
        yield "retry_wait_max_seconds", "is below retry_wait_min_seconds; write a larger number"
    try:
        kinds.FOLDER.read(str(values["state_dir"]))  # the user's own may be wrong as well
    except InvalidError as error:
        yield "state_dir", str(error)


def config_schema() -> dict[str, Any]:
    """Return the JSON schema of the tap's configuration."""
    return {
        "type": "object",
        "properties": {
            **{each.name: each.schema() for each in SETTINGS},
            # The SDK's own schema of maps cannot refuse one: its validator fails at it.
            # `tap_emag.streams.stream_maps` reports what is wrong inside.
            "stream_maps": {
                "type": ["object", "null"],
                "description": "Changes to rows on their way out, by stream.",
            },
        },
        "required": [each.name for each in SETTINGS if each.required],
    }
