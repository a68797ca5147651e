"""Finds how often the project's schedules read each stream, so that alerts know when it is late.

What no schedule reads has the interval infinity. In a project without schedules nothing is known:
there another program decides when jobs run.
"""

from __future__ import annotations

import math
import re
from datetime import datetime, timedelta, timezone
from functools import cache
from itertools import pairwise, takewhile
from typing import TYPE_CHECKING, Final

from cronsim import CronSim, CronSimError

from tap_emag.metrics import definitions as f
from tap_emag.ops.meltano.pipelines import documents, is_this_tap, named_in, plugins_of
from tap_emag.ops.meltano.plugin_config import PluginConfig
from tap_emag.ops.tables.declared import selected_streams, stream_tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from tap_emag.metrics.recorder import Sample

ALIASES: Final = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
}
ANY_TIME: Final = datetime(2026, 1, 1, tzinfo=timezone.utc)
EACH_DAY, LONGEST = timedelta(days=3), timedelta(days=63)  # three starts of a monthly one
DAY: Final = 86400.0
PIPELINE: Final = re.compile(r"(?:[^:]+:)?([^:]+)-to-[^:]+")  # not one with a suffix of its own


@cache
def longest_pause(expression: str) -> float:
    """Return the longest pause between two starts in seconds, infinity where there are no two."""
    expression = ALIASES.get(expression, expression)
    end = ANY_TIME + (EACH_DAY if expression.endswith(" * * *") else LONGEST)
    try:
        starts = takewhile(lambda start: start < end, CronSim(expression, ANY_TIME))
        return max(((b - a).total_seconds() for a, b in pairwise(starts)), default=math.inf)
    except CronSimError:
        return math.inf


def pipeline_intervals(root: Path) -> dict[str, float]:
    """Return the interval of each eMAG plugin in seconds; nothing without any schedule.

    Raises:
        ConfigurationError: meltano.yml, or a file that it includes, cannot be read.
    """
    found = list(documents(root))
    schedules = list(named_in(found, "schedules"))
    extractors = {each["name"]: each for each in plugins_of(found, "extractors")}
    own = [name for name in extractors if is_this_tap(name, extractors)]
    intervals = dict.fromkeys(own if schedules else (), math.inf)
    words = {each["name"]: set(_words(each.get("tasks"))) for each in named_in(found, "jobs")}
    for each in schedules:
        seconds = longest_pause(str(each.get("interval")))
        for name in words.get(str(each.get("job")), set()) & intervals.keys():
            intervals[name] = min(intervals[name], seconds)
    return intervals


def stream_intervals(root: Path, environment: Mapping[str, str]) -> dict[Sample, float]:
    """Return the interval of each stream of each account, as samples.

    Deep re-reads do not count: they move no time of success. What comes without requests, such as
    code lists, is due once a day at most: it need not raise an alert next to that of the orders.

    Raises:
        ConfigurationError: meltano.yml, or a file that it includes, cannot be read.
    """
    plugins = PluginConfig(root, "extractors", environment)
    found: dict[Sample, float] = {}
    for name, seconds in pipeline_intervals(root).items():
        config = plugins.config(name)
        if config.get("order_reread_days") not in {None, "", 0, "0"}:
            continue
        account = {label: str(config.get(label)) for label in f.ACCOUNT}
        for stream in selected_streams(plugins.select(name)):
            labels = account | {"sync_type": stream}
            sample = f.SYNC_INTERVAL.name, tuple(sorted(labels.items()))
            own = max(seconds, DAY) if stream in _without_requests() else seconds
            found[sample] = min(found.get(sample, math.inf), own)
    return found


def job_intervals(root: Path, state_ids: Iterable[str]) -> Iterator[tuple[Sample, float]]:
    """Yield the interval of each state id that Meltano makes of a plugin, as samples.

    Raises:
        ConfigurationError: meltano.yml, or a file that it includes, cannot be read.
    """
    intervals = pipeline_intervals(root)
    for state_id in state_ids:
        named = PIPELINE.fullmatch(state_id)
        if named and named[1] in intervals:
            yield (f.JOB_INTERVAL.name, (("state_id", state_id),)), intervals[named[1]]


@cache
def _without_requests() -> set[str]:
    return {"rejected_rows", "syncs"} | {t.name for t in stream_tables() if t.keys[-1] == "code"}


def _words(tasks: object) -> Iterator[str]:
    """Yield the words of a job's tasks, which may be lists of texts."""
    if isinstance(tasks, str):
        yield from tasks.split()
    for each in tasks if isinstance(tasks, list) else []:
        yield from _words(each)
