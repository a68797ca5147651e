"""What the machine may draw: shops, settings, happenings, failures, ends of runs, slow targets."""

from __future__ import annotations

from datetime import datetime, timezone

from hypothesis import strategies as st

from tests.machine import runs
from tests.machine.events import EVENTS, During, Event
from tests.machine.runs import Ending
from tests.machine.target import Lag

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

SHOPS = st.fixed_dictionaries(
    {
        "night": st.sampled_from(NIGHTS),
        "minutes": st.sampled_from([-150, -65, -35, -6, 10, 50, 130]),
        "page": st.sampled_from([4, 6, 100]),
        "knobs": st.fixed_dictionaries(
            {
                "orders": st.sampled_from([0, 12, 40, 40]),
                "seed": st.integers(1, 3),
                "sort": st.sampled_from(
                    ["id_desc", "id_asc", "modified_desc", "modified_asc", "arbitrary"]
                ),
                "bounds": st.sampled_from(["closed", "open", "half"]),
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
