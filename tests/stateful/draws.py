"""What the machine may draw: shops, settings, happenings, failures, ends of runs, slow targets."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from hypothesis import strategies as st

from emag_sandbox.config import DATES as DATE_KINDS
from tests.stateful import runs
from tests.stateful.events import EVENTS, During, Event
from tests.stateful.runs import Ending
from tests.stateful.target import Lag
from tests.stateful.wrong_server import ITEM_FAULTS, LEVELS, MOST_REFUSED, REFUSABLE, REFUSALS

# Nights on which Bucharest's clock changes, and a day on which it does not; before and after the
# time that this machine's own clock shows.
NIGHTS = [
    datetime(*day, tzinfo=timezone.utc)
    for day in (
        (2025, 10, 26, 1),
        (2025, 3, 30, 1),
        (2031, 10, 26, 1),
        (2031, 3, 30, 1),
        (2025, 6, 11, 9),
    )
]
KINDS = (
    *("429", "500", "502", "503", "504", "reset", "truncated", "hang", "drip"),
    *("html200", "empty200", "no_envelope", "is_error", "400", "401", "404"),
)

HAPPENINGS = st.builds(Event, st.sampled_from(EVENTS), st.integers(1, 9))
PLANS = st.lists(
    st.builds(
        During,
        st.sampled_from(["order", "order", "product_offer", "rma"]),
        st.sampled_from([1, 1, 2, 2, 3, 3, 4, 5, 6, 7, 9, 11, 14, 18, 23]),
        HAPPENINGS,
    ),
    max_size=5,
)
FAULTS = st.lists(
    st.tuples(st.integers(0, 20), st.sampled_from(KINDS), st.sampled_from([1, 1, 1, 2, 4, 7])),
    max_size=3,
)
# Seconds by which the clock of the tap's machine is ahead, and replies whose dates are wrong.
MACHINES = st.sampled_from([0, 0, 7200, -7200, 259_200, -259_200])
DATES = st.lists(
    st.tuples(
        st.integers(0, 6),
        st.sampled_from(["ahead", "ahead", "behind", "local", "absent", "garbage"]),
        st.integers(1, 3),
    ),
    max_size=3,
)
ENDINGS = st.builds(
    Ending,
    st.sampled_from(["by itself", "by itself", "by itself", *runs.HOW[1:]]),
    st.integers(0, 300),
)
PROMPT = Lag(batch=10_000, ahead=0, dies=False)
LAGS = st.one_of(
    st.just(PROMPT),
    st.builds(Lag, st.integers(1, 200), st.integers(0, 3), st.booleans()),
)

# What a server may get wrong throughout a story. A share of 1.0 is a clock that all nodes go by.
WRONG_DATES = (
    *({"ahead": 0.04}, {"ahead": 0.25}, {"behind": 0.1}, {"local": 0.25}),
    *({"absent": 0.3}, {"garbage": 0.3}, {"ahead": 0.1, "behind": 0.1, "absent": 0.1}),
    *({"ahead": 1.0}, {"behind": 1.0}, {"local": 1.0}, {"absent": 1.0}, {"garbage": 1.0}),
)
PAGE_LEVELS = st.lists(
    st.tuples(st.integers(0, len(LEVELS) - 1), st.sampled_from([1, 2, 3, 5, 9, 20])),
    min_size=1,
    max_size=3,
).map(lambda steps: [level for level, replies in sorted(steps) for _ in range(replies)])
COUNT_FAULTS = ("500", "502", "503", "504", "is_error", "400")
WRONGS: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "dates": st.fixed_dictionaries(
        {
            "dates": st.sampled_from(WRONG_DATES),
            "error_dates": st.sampled_from(DATE_KINDS),
            "date_error": st.sampled_from([40, 10_800, 82_800]),
        }
    ),
    "pages": st.fixed_dictionaries(
        {"page_caps": PAGE_LEVELS, "count_page": st.sampled_from(["real", "asked"])}
    ),
    "counts": st.fixed_dictionaries(
        {
            "count_faults": st.dictionaries(
                st.sampled_from(["order", "product_offer", "rma", "category", "locality"]),
                st.sampled_from(COUNT_FAULTS),
                min_size=1,
            )
        }
    ),
    "types of returns": st.sampled_from(
        [
            {"default_return_type": 3},
            {"default_return_type": 2},
            {"ignored_filters": ["rma.type"]},
            {"refused_filters": ["rma.type"]},
        ]
    ),
    # Until something happens: `refuse nothing`, or more is refused.
    "refusals": st.fixed_dictionaries(
        {
            "resource_faults": st.dictionaries(
                st.sampled_from(REFUSABLE),
                st.sampled_from(REFUSALS),
                min_size=1,
                max_size=MOST_REFUSED,
            )
        }
    ),
    "shipments": st.fixed_dictionaries(
        {
            "item_faults": st.dictionaries(
                st.integers(0, 9), st.sampled_from(ITEM_FAULTS), min_size=1, max_size=4
            )
        }
    ),
}
MIXTURE = st.one_of(
    st.just(set[str]()), *3 * [st.sets(st.sampled_from(sorted(WRONGS)), min_size=1, max_size=4)]
).flatmap(lambda kinds: st.fixed_dictionaries({kind: WRONGS[kind] for kind in sorted(kinds)}))

SHOPS = st.fixed_dictionaries(
    {
        "mixture": MIXTURE,
        "night": st.sampled_from(NIGHTS),
        "minutes": st.sampled_from([-150, -65, -35, -6, 10, 50, 130]),
        "page": st.sampled_from([4, 6, 100]),
        "knobs": st.fixed_dictionaries(
            {
                "orders": st.sampled_from([0, 12, 40, 40]),
                "seed": st.integers(1, 3),
                "invoices": st.just(None),  # some each month
                "customer_invoices": st.sampled_from([0, 6]),
                "sort": st.sampled_from(
                    ["id_desc", "id_asc", "modified_desc", "modified_asc", "arbitrary"]
                ),
                "bounds": st.sampled_from(["closed", "open", "half", "half_upper"]),
                "filter_time": st.sampled_from(["naive", "naive", "instant"]),
                "count_mode": st.sampled_from(["exact", "exact", "drifting", "stale", "broken"]),
            }
        ),
    }
)
SETTINGS = st.fixed_dictionaries(
    {
        "look_back": st.sampled_from([3600, 3600, 600, 0]),
        "days": st.sampled_from([None, None, 9]),
        "settings": st.fixed_dictionaries(
            {
                "order_types": st.sampled_from([[3, 2], [2, 3], [3], [2]]),
                "settle_seconds": st.sampled_from([2, 30, 120]),
                "return_lookback_days": st.sampled_from([90, 7]),
                "max_concurrent_requests": st.sampled_from([1, 2, 8]),
                "rate_limit_share": st.sampled_from([0.9, 1.0, 0.5]),
                "metadata_cache_ttl_seconds": st.sampled_from([3600, 0]),
            }
        ),
    }
)
