"""`python dlt_orders.py CONFIG`, in dlt's environment: read orders with its `rest_api` source.

A parent resource lists windows, from where the last run ended, and the child reads each of them
with all its pages, several at once. dlt has no limit of requests per second, so the number of
workers is all that bounds the rate; its client retries what is refused.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import dlt
from dlt.sources.helpers.rest_client.paginators import PageNumberPaginator
from dlt.sources.rest_api import rest_api_resources

if TYPE_CHECKING:
    from collections.abc import Iterator

WALL = ZoneInfo("Europe/Bucharest")
SECOND, LOOK_BACK = timedelta(seconds=1), timedelta(hours=1)
KINDS = (3, 2)
PAGE_SIZE = 100


def local(moment: datetime) -> str:
    """Return a moment as the API's filters want it."""
    return moment.astimezone(WALL).strftime("%Y-%m-%d %H:%M:%S")


class FullPages(PageNumberPaginator):
    """Goes on until a page is not full, which spares the request for an empty one."""

    def update_state(self, response: Any, data: list[Any] | None = None) -> None:  # noqa: ANN401
        """Look at a page."""
        super().update_state(response, data)
        self._has_next_page = len(data or ()) == PAGE_SIZE


def windows(start: str, days: float) -> Any:  # noqa: ANN401 - dlt has no types here
    """Return a resource of windows of so many days, or of one without an end for 0 days."""

    def listed(
        until: Any = dlt.sources.incremental("until", initial_value=start),  # noqa: ANN401, B008
    ) -> Iterator[list[dict[str, Any]]]:
        begin, now = (
            datetime.fromisoformat(until.last_value) - LOOK_BACK,
            datetime.now(timezone.utc),
        )
        while begin < now:
            end = min(begin + timedelta(days=days), now) if days else now
            window = {"after": local(begin - SECOND), "until": end.isoformat()}
            if days:
                window["before"] = local(end + SECOND)
            yield [{"type": kind, **window} for kind in KINDS]
            begin = end

    return dlt.resource(listed, name="windows", selected=False)()


def orders(config: dict[str, Any]) -> list[Any]:
    """Return both resources."""
    body = {
        "type": "{resources.windows.type}",
        "modifiedAfter": "{resources.windows.after}",
        "itemsPerPage": PAGE_SIZE,
    }
    if config["days"]:
        body["modifiedBefore"] = "{resources.windows.before}"
    resources: list[Any] = rest_api_resources(
        {
            "client": {
                "base_url": config["api_url"],
                "auth": {
                    "type": "http_basic",
                    "username": config["username"],
                    "password": config["password"],
                },
            },
            "resources": [
                windows(config["start"], config["days"]),
                {
                    "name": "orders",
                    "primary_key": ["type", "id"],
                    "write_disposition": "merge",
                    "columns": {"id": {"data_type": "bigint"}, "type": {"data_type": "bigint"}},
                    "parallelized": True,
                    "endpoint": {
                        "path": "order/read",
                        "method": "POST",
                        "json": body,
                        "paginator": FullPages(1, page_body_path="currentPage", total_path=None),
                        "data_selector": "results",
                    },
                },
            ],
        }
    )
    return resources


def main() -> None:
    """Run the pipeline once, from its last state."""
    config = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    if "postgres" in config:
        destination = dlt.destinations.postgres(config["postgres"])
    else:
        destination = dlt.destinations.filesystem(Path(config["output"]).as_uri())
    pipeline = dlt.pipeline(
        "orders",
        pipelines_dir=config["folder"],
        destination=destination,
        dataset_name="dlt",
    )
    pipeline.run(orders(config))


if __name__ == "__main__":
    main()
