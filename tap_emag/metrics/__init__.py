"""Prometheus metrics: counted in this process, summed over runs, written where somebody reads them.

`families` says which metrics there are, `counts` is where a run counts, `store` keeps the sums of
all runs in `state_dir`, `outlets` hands them out.
"""

from tap_emag.metrics.counts import Counts
from tap_emag.metrics.outlets import Publisher
from tap_emag.metrics.store import Store

__all__ = ["Counts", "Publisher", "Store"]
