"""Prometheus metrics: counted in this process, summed over runs, and exported.

`definitions` declares the metrics, `recorder` counts in a run, `totals` keeps the sums of all runs,
`exporters` writes and sends them.
"""

from tap_emag.metrics.exporters import Publisher
from tap_emag.metrics.recorder import Recorder
from tap_emag.metrics.totals import Totals

__all__ = ["Publisher", "Recorder", "Totals"]
