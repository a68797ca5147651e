"""Runs the measurements and computes their figures."""

from __future__ import annotations

import dataclasses
import random
import statistics
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from benchmarks.runs import SERIAL_TAP, TAP_EMAG, catalog, run
from benchmarks.shop import open_shop
from emag_sandbox.api.budgets import SECOND, busiest
from tap_emag.api.rate_limiter import BUCKETS
from tap_emag.state.fingerprints import DIGEST, Fingerprints

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from benchmarks.runs import Run
    from benchmarks.shop import Shop
    from emag_sandbox import Request

SHARE = 0.9  # of the account's budget, as the tap takes by default
CONCURRENCY = 12
TOO_MANY = 429
STATE_OFFERS = 100_000
LARGEST_ID = 2**32


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    orders: int = 20_000
    more_orders: int = 0  # a second, larger size; 0 leaves it out
    serial_orders: int = 3_500
    offers: int = 2_545
    whole: tuple[int, int, int, int] = (20_000, 2_545, 1_000, 3_000)
    history_days: int = 180
    latency: float = 0.5  # seconds
    rounds: int = 3


QUICK = Sizes(
    orders=600,
    serial_orders=200,
    offers=250,
    whole=(300, 50, 10, 20),
    history_days=30,
    latency=0.05,
    rounds=1,
)


@dataclass(frozen=True)
class Speed:
    """How fast a tap read and wrote everything there is."""

    rows: int  # that exist
    delivered: int  # different ones that were written
    requests: int  # counts included
    rate: float  # requests per second, from the first to the last
    share: float  # of the allowed rate
    refused: int
    busiest_second: int
    rows_per_request: float
    rows_per_second: float  # from the first request to the last reply
    seconds: float
    cpu_seconds: float
    peak_megabytes: float


@dataclass(frozen=True)
class Again:
    """A second run, while nothing has changed."""

    requests: int
    most_per_type: int  # requests for one order type; 0 where there are no types
    refused: int
    written: int  # rows of all streams
    necessary: float  # seconds that so many requests take at the allowed rate
    seconds: float


@dataclass(frozen=True)
class Whole:
    """A first run of all streams that are on by default."""

    order_requests: int
    other_requests: int
    refused: int
    necessary: float  # seconds that so many requests take at the allowed rates
    seconds: float  # from the first request to the last reply


@dataclass(frozen=True)
class Figures:
    """Everything measured; medians of the rounds, but the worst of what must never happen."""

    orders: Speed
    orders_again: Again
    serial: Speed
    times_serial: float  # our orders a second by the plain tap's, round by round
    offers: Speed
    offers_again: Again
    more_orders: Speed | None
    whole: Whole
    state_offers: int
    state_bytes: int


WORST = {
    "delivered": min,
    "refused": max,
    "busiest_second": max,
    "most_per_type": max,
    "written": max,
}


class Bench:
    """Runs the taps, each against a shop of its own."""

    def __init__(self, folder: Path, sizes: Sizes) -> None:
        """Work in an empty folder."""
        self.folder = folder
        self.sizes = sizes

    def orders(self, number: int) -> tuple[Speed, Again]:
        """Read so many orders, then what is new, which is nothing."""
        with self._shop(orders=number, offers=0) as shop:
            return self._twice(shop, "orders", number, "orders")

    def offers(self) -> tuple[Speed, Again]:
        """Read all offers, then again those that changed, which are none."""
        number = self.sizes.offers
        with self._shop(orders=0, offers=number) as shop:
            return self._twice(shop, "products", number, "other")

    def serial(self) -> Speed:
        """Read orders with the plain tap."""
        number = self.sizes.serial_orders
        with self._shop(orders=number, offers=0) as shop:
            done = run(SERIAL_TAP, self.folder, self._config(shop), "orders")
            return _speed(done, shop.requests(), number, "orders")

    def whole(self) -> Whole:
        """Read everything that is on by default, orders in parallel with all the rest."""
        orders, offers, returns, categories = self.sizes.whole
        rows = {"orders": orders, "offers": offers, "returns": returns, "categories": categories}
        with self._shop(**rows) as shop:
            run(TAP_EMAG, self.folder, self._paced(shop), "orders")
            requests = shop.requests()
        asked = Counter(each.bucket for each in requests)
        ended = max(each.time + each.seconds for each in requests)
        return Whole(
            order_requests=asked["orders"],
            other_requests=asked["other"],
            refused=sum(each.status == TOO_MANY for each in requests),
            necessary=necessary(requests),
            seconds=ended - min(each.time for each in requests),
        )

    def _twice(self, shop: Shop, stream: str, rows: int, bucket: str) -> tuple[Speed, Again]:
        chosen = catalog(self.folder, stream.removesuffix("s"))  # with all that comes along
        config = self._paced(shop)
        first = run(TAP_EMAG, self.folder, config, stream, catalog=chosen)
        speed = _speed(first, shop.requests(), rows, bucket)
        second = run(TAP_EMAG, self.folder, config, stream, catalog=chosen, state=first.state)
        return speed, _again(second, shop.requests())

    def _shop(self, **rows: int) -> AbstractContextManager[Shop]:
        sizes = self.sizes
        self._start = datetime.now(timezone.utc) - timedelta(days=sizes.history_days)
        return open_shop(**rows, history_days=sizes.history_days, latency=sizes.latency)

    def _paced(self, shop: Shop) -> dict[str, Any]:
        return self._config(shop) | {
            "max_concurrent_requests": CONCURRENCY,
            "rate_limit_share": SHARE,
            "state_dir": str(self.folder / "state"),
        }

    def _config(self, shop: Shop) -> dict[str, Any]:
        return {
            "username": "demo",
            "password": "demo",
            "api_url": shop.url,
            "start_date": self._start.isoformat(),
        }


def state_bytes() -> int:
    """Return how large the fingerprints of 100,000 offers with random ids are in a state."""
    dice = random.Random(1)
    known = {key: dice.randbytes(DIGEST) for key in dice.sample(range(LARGEST_ID), STATE_OFFERS)}
    return len(Fingerprints(known).pack())


def middle(rounds: Sequence[Any]) -> Any:  # noqa: ANN401 - of whatever they are rounds
    """Return the medians of some Speeds or Agains, and the worst of what must never happen."""
    kind = type(rounds[0])
    values = {
        field.name: WORST.get(field.name, statistics.median)(
            [getattr(each, field.name) for each in rounds]
        )
        for field in dataclasses.fields(kind)
    }
    return kind(**values)


def allowed_rate(bucket: str) -> float:
    """Return how many requests per second the tap may send in a bucket."""
    return SHARE * min(limit.requests / limit.seconds for limit in BUCKETS[bucket])


def necessary(requests: Sequence[Request]) -> float:
    """Return the seconds that requests of one account take at the rates that the tap may use."""
    asked = Counter(each.bucket for each in requests)
    return max(number / allowed_rate(bucket) for bucket, number in asked.items())


def _speed(done: Run, requests: Sequence[Request], rows: int, bucket: str) -> Speed:
    asked = [each for each in requests if each.bucket == bucket]
    times = sorted(each.time for each in asked)
    rate = (len(times) - 1) / (times[-1] - times[0])
    reading = max(each.time + each.seconds for each in asked) - times[0]
    return Speed(
        rows=rows,
        delivered=done.distinct,
        requests=len(asked),
        rate=rate,
        share=rate / allowed_rate(bucket),
        refused=sum(each.status == TOO_MANY for each in requests),
        busiest_second=busiest(times, SECOND),
        rows_per_request=done.distinct / len(asked),
        rows_per_second=done.distinct / reading,
        seconds=done.seconds,
        cpu_seconds=done.cpu_seconds,
        peak_megabytes=done.peak_bytes / 1e6,
    )


def _again(done: Run, requests: Sequence[Request]) -> Again:
    kinds = Counter(each.body["type"] for each in requests if "type" in each.body)
    return Again(
        requests=len(requests),
        most_per_type=max(kinds.values(), default=0),
        refused=sum(each.status == TOO_MANY for each in requests),
        written=done.rows.total(),
        necessary=necessary(requests),
        seconds=done.seconds,
    )
