"""The command `tap-emag` without a request budget and without metrics, to measure what these cost.

The methods that count or export do nothing; the calls themselves remain.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.unlimited import ENDLESS
from tap_emag.api import rate_limiter as limits
from tap_emag.cli import main
from tap_emag.metrics import Publisher, Recorder

if TYPE_CHECKING:
    from collections.abc import Iterable

COUNTING = (
    "requested waited refused retried wrote count_rows read_orders late_orders counted_products"
    " found synced failed succeeded set_bookmark_metric watch"
)
HANDING_OUT = "start stop add publish sync_began sync_ended"


def silence(owner: type, names: Iterable[str]) -> None:
    """Let methods do nothing.

    Raises:
        AttributeError: There is none of this name.
    """
    for name in names:
        getattr(owner, name)
        setattr(owner, name, lambda *_, **__: None)


if __name__ == "__main__":
    limits.BUCKETS.update(dict.fromkeys(limits.BUCKETS, ENDLESS))
    silence(Recorder, COUNTING.split())
    silence(Publisher, HANDING_OUT.split())
    main()
