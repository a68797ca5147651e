"""Declares every knob of the sandbox, its default and its allowed values."""

from __future__ import annotations

import copy
import dataclasses
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeGuard

from emag_sandbox.marketplaces import MARKETPLACES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

DATES: Final = ("ok", "ahead", "behind", "local", "absent", "garbage")
CHOICES: Final[tuple[tuple[str, tuple[object, ...]], ...]] = (
    ("sort", ("id_asc", "id_desc", "modified_asc", "modified_desc", "arbitrary")),
    ("bounds", ("documented", "closed", "open", "half", "half_upper")),
    ("filter_time", ("naive", "instant")),
    ("scalars", ("mixed", "strings", "native")),
    ("shapes", ("mixed", "documented", "observed")),
    ("limit_mode", ("sliding", "fixed")),
    ("page_limit_mode", ("cap", "refuse")),
    ("count_mode", ("exact", "drifting", "broken", "stale")),
    ("count_page", ("real", "asked")),
    ("default_type", (2, 3, None)),
    ("default_count_type", (2, 3, None)),
    ("default_return_type", (2, 3, None)),
    ("lone_count_bounds", ("refused", "heeded")),
    ("count_filters", ("documented", "all")),
    ("invoice_envelope", ("results", "bare", "list", "mixed")),
    ("category_lists", ("full", "absent", "empty")),
    ("row_envelope", ("list", "object", "wrapped", "bare", "mixed")),
    ("error_dates", DATES),
    ("marketplace", tuple(MARKETPLACES)),
    ("line_edits", ("documented", "always")),
)
BUCKETS: Final = ("orders", "other", "find_by_eans")
COUNTS: Final = ("orders", "offers", "categories", "localities")
COUNTS_OR_NONE: Final = ("returns", "invoices", "customer_invoices")
WHOLE: Final = (*COUNTS, "seed", "port", "count_offset")
SHARES: Final = ("type2_share", "foreign_awb_share")
NOT_NEGATIVE: Final = [
    *COUNTS,
    "history_days",
    "latency",
    "latency_jitter",
    "arrival_jitter",
    "drip_seconds",
    "date_error",
    "burst",
    "clock_speed",
    "changes_per_second",
    "offer_changes_per_second",
    "new_orders_per_second",
]
SWITCHES: Final = (
    *("allowed_ip", "retry_after_date", "limits", "unknown_keys", "nul_bytes"),
    "extreme_amount",
)
TEXTS: Final = ("unknown_key", "refusal_text")
BUILT_IN: Final = [
    *COUNTS,
    *COUNTS_OR_NONE,
    "seed",
    "history_days",
    "type2_share",
    "line_edits",
    "extreme_amount",
    "marketplace",
    "timezone",
    "clock",
    "clock_speed",
    "host",
    "port",
    "cache_bytes",
]
ITEM_FAULTS: Final = ("html200", "empty200", "no_envelope", "is_error")  # besides any HTTP status
FILTERS: Final = ("ignored_filters", "refused_filters")  # each as `resource.key`
FAULTS: Final = [
    "400",
    "401",
    "403",
    "404",
    "429",
    "500",
    "502",
    "503",
    "504",
    "421",
    "425",
    "507",
    "509",
    "520",
    "521",
    "522",
    "523",
    "524",
    "525",
    "526",
    "527",
    "530",
    "599",
    "reset",
    "truncated",
    "html200",
    "html403",
    "empty200",
    "no_envelope",
    "is_error",
    "hang",
    "drip",
]


@dataclass
class SandboxConfig:
    """What the sandbox contains and how it behaves.

    The first group shapes the data and the server and is read once, when the sandbox is built;
    every other knob may be changed while it runs. Times are seconds, rates are per second of the
    sandbox's clock, probabilities are from 0 to 1.

    Raises:
        ValueError: when a knob is set to something it cannot be.
    """

    orders: int = 5000
    offers: int = 2545
    returns: int | None = None
    categories: int = 300
    localities: int = 500
    invoices: int | None = None
    customer_invoices: int | None = None
    seed: int = 1
    history_days: float = 365
    type2_share: float = 0.15
    line_edits: str = "documented"
    extreme_amount: bool = True
    marketplace: str = "emag_ro"
    timezone: str = ""
    clock: datetime | None = None
    clock_speed: float = 1.0
    host: str = "127.0.0.1"
    port: int = 0
    cache_bytes: int = 64_000_000

    username: str = "demo"
    password: str = "demo"  # noqa: S105 - a demo account on loopback, not a secret
    allowed_ip: bool = True
    limits: bool = True
    limit_mode: str = "sliding"
    retry_after: float | None = None
    retry_after_date: bool = False
    lower_limits: dict[str, int] = field(default_factory=dict)
    latency: float = 0.0
    latency_jitter: float = 0.0
    arrival_jitter: float = 0.0

    sort: str = "id_desc"
    bounds: str = "documented"
    filter_time: str = "naive"
    default_type: int | None = 3
    default_count_type: int | None = None
    default_return_type: int | None = None
    lone_count_bounds: str = "refused"
    count_filters: str = "documented"
    ignored_filters: list[str] = field(default_factory=list)
    refused_filters: list[str] = field(default_factory=list)
    page_limit_mode: str = "cap"
    count_mode: str = "exact"
    count_offset: int = 3
    count_page: str = "real"
    count_faults: dict[str, str] = field(default_factory=dict)
    page_caps: list[int] = field(default_factory=list)
    invoice_envelope: str = "results"
    row_envelope: str = "object"
    category_lists: str = "full"
    foreign_awb_share: float = 0.02
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    scalars: str = "mixed"
    shapes: str = "mixed"
    unknown_keys: bool = False
    unknown_key: str = ""
    nul_bytes: bool = False

    faults: dict[str, float] = field(default_factory=dict)
    fail_next: list[str] = field(default_factory=list)
    resource_faults: dict[str, str] = field(default_factory=dict)
    item_faults: dict[str, str] = field(default_factory=dict)
    refusal_text: str = "Demo refusal text"
    empty_next: dict[str, int] = field(default_factory=dict)
    burst: float = 0.0
    drip_seconds: float = 2.0
    dates: dict[str, float] = field(default_factory=dict)
    next_dates: list[str] = field(default_factory=list)
    error_dates: str = "ok"
    date_error: float = 10_800.0

    changes_per_second: float = 0.0
    offer_changes_per_second: float = 0.0
    new_orders_per_second: float = 0.0

    def __setattr__(self, name: str, value: object) -> None:
        """Set a knob, refusing what it cannot be."""
        object.__setattr__(self, name, _checked(name, value))
        if name == "burst":
            object.__setattr__(self, "_burst_ends", time.monotonic() + self.burst)

    @property
    def zone(self) -> str:
        """The IANA zone of the marketplace's clock: its own, unless `timezone` names another."""
        return self.timezone or MARKETPLACES[self.marketplace].timezone

    @property
    def in_burst(self) -> bool:
        """Whether every request is answered 500, `burst` seconds from when it was set."""
        return self.burst > 0 and time.monotonic() < getattr(self, "_burst_ends", 0.0)

    def page_cap(self, *, turn: bool) -> int | None:
        """Return the most rows on a page by `page_caps`, None if unset; `turn` to the next."""
        caps = self.page_caps
        if not caps:
            return None
        return caps.pop(0) if turn and len(caps) > 1 else caps[0]

    def copy(self) -> SandboxConfig:
        """A config of its own, so that two sandboxes never share a knob."""
        return copy.deepcopy(self)

    def merge(self, knobs: dict[str, Any]) -> None:
        """Set several knobs of a running sandbox, or none.

        Raises:
            ValueError: for an unknown knob, a bad value, or one that is read only at the start.
        """
        names = {each.name for each in dataclasses.fields(self)}
        for name, value in knobs.items():
            if name not in names:
                message = f"there is no knob {name!r}; there are {', '.join(sorted(names))}"
                raise ValueError(message)
            if name in BUILT_IN:
                message = f"{name} is fixed once the sandbox is built"
                raise ValueError(message)
            _checked(name, value)
        for name, value in knobs.items():
            setattr(self, name, value)

    def as_json(self) -> dict[str, Any]:
        """All knobs but the password, as JSON values; of `rows` their numbers."""
        shown = dataclasses.asdict(self)
        shown["rows"] = {resource: len(rows) for resource, rows in self.rows.items()}
        del shown["password"]
        shown["timezone"] = self.zone
        shown["clock"] = self.clock.isoformat() if self.clock else None
        return shown


def _checked(name: str, value: object) -> object:
    allowed = dict(CHOICES).get(name)
    if allowed is not None and (value not in allowed or isinstance(value, bool)):
        message = f"{name} must be one of {', '.join(map(str, allowed))}, not {value!r}"
        raise ValueError(message)
    if name in NOT_NEGATIVE and not (_is_number(value) and value >= 0):
        message = f"{name} must be a number of zero or more, not {value!r}"
        raise ValueError(message)
    if name in WHOLE and not isinstance(value, int):
        message = f"{name} must be a whole number, not {value!r}"
        raise ValueError(message)
    if name in COUNTS_OR_NONE and not (value is None or (type(value) is int and value >= 0)):
        message = f"{name} must be a whole number of zero or more or null, not {value!r}"
        raise ValueError(message)
    if name in SWITCHES and not isinstance(value, bool):
        message = f"{name} must be true or false, not {value!r}"
        raise ValueError(message)
    if name in SHARES and not (_is_number(value) and 0 <= value <= 1):
        message = f"{name} must be from 0 to 1, not {value!r}"
        raise ValueError(message)
    if name in TEXTS and not isinstance(value, str):
        message = f"{name} must be a text, not {value!r}"
        raise ValueError(message)
    if name == "retry_after" and not (value is None or (_is_number(value) and value >= 0)):
        message = f"retry_after must be seconds or null, not {value!r}"
        raise ValueError(message)
    return _checked_kinds(name, value)


def _checked_kinds(name: str, value: object) -> object:
    listed = {"fail_next": ["ok", *FAULTS], "next_dates": DATES}.get(name)
    if name in MAPPINGS:
        what, allowed = MAPPINGS[name]
        if not isinstance(value, dict) or not all(allowed(*pair) for pair in value.items()):
            message = f"{name} maps {what}, not {value!r}"
            raise ValueError(message)
        return dict(value)
    if listed is not None:
        given = [str(each) for each in value] if isinstance(value, (list, tuple)) else [""]
        if not all(each in listed for each in given):
            message = f"{name} lists any of {', '.join(listed)}, not {value!r}"
            raise ValueError(message)
        return given
    if name in FILTERS:
        given = [str(each) for each in value] if isinstance(value, (list, tuple)) else [""]
        if not all("." in each for each in given):
            message = f"{name} lists filters such as order.type, not {value!r}"
            raise ValueError(message)
        return given
    return _checked_pages(name, value)


def _checked_pages(name: str, value: object) -> object:
    if name == "count_faults":
        if not isinstance(value, dict) or not all(each in FAULTS for each in value.values()):
            message = f"count_faults maps resources to any of {', '.join(FAULTS)}, not {value!r}"
            raise ValueError(message)
        return dict(value)
    if name == "page_caps":
        given = list(value) if isinstance(value, (list, tuple)) else [value]
        if not all(type(each) is int and each > 0 for each in given):
            message = f"page_caps lists whole numbers above zero, not {value!r}"
            raise ValueError(message)
        return given
    return value


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


MAPPINGS: Final[Mapping[str, tuple[str, Callable[[object, object], bool]]]] = {
    "faults": (
        f"any of {', '.join(FAULTS)} to a share",
        lambda key, share: key in FAULTS and _is_number(share) and 0 <= share <= 1,
    ),
    "dates": (
        f"any of {', '.join(DATES)} to a share",
        lambda key, share: key in DATES and _is_number(share) and 0 <= share <= 1,
    ),
    "empty_next": (
        "resources to numbers of requests",
        lambda key, number: isinstance(key, str) and type(number) is int and number >= 0,
    ),
    "item_faults": (
        "items such as awb/17 to faults",
        lambda item, fault: "/" in str(item) and (fault in ITEM_FAULTS or str(fault).isdecimal()),
    ),
    "lower_limits": (
        f"buckets ({', '.join(BUCKETS)}) to requests a minute",
        lambda key, number: key in BUCKETS and type(number) is int and number > 0,
    ),
    "rows": (
        "resources to lists of rows",
        lambda key, rows: (
            isinstance(key, str)
            and isinstance(rows, list)
            and all(isinstance(row, dict) for row in rows)
        ),
    ),
    "resource_faults": (
        f"resources to any of {', '.join(FAULTS)}",
        lambda key, fault: isinstance(key, str) and fault in FAULTS,
    ),
}
