"""The `emag-sandbox` command."""

from __future__ import annotations

import argparse
import dataclasses
import json
import signal
import sys
import threading
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from emag_sandbox.config import CHOICES, COUNTS_OR_NONE, FILTERS, SandboxConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from emag_sandbox.server import Sandbox

BAD_USE: Final = 2
HELP: Final = {
    "orders": "orders that exist at the start",
    "offers": "offers that exist at the start",
    "returns": "returns that exist at the start; by default for six of a hundred orders",
    "categories": "categories of the catalogue",
    "localities": "localities, of all countries",
    "invoices": "invoices to the seller; by default a set for each month",
    "customer_invoices": "invoices to customers; by default for one in ten orders",
    "seed": "the same seed makes the same shop",
    "history_days": "days over which the orders are spread",
    "type2_share": "share of orders fulfilled by eMAG (type 2)",
    "line_edits": "which orders lose and gain lines: those that the documentation allows, or all",
    "extreme_amount": "leave out the order and the offer with an amount of 16 digits",
    "marketplace": "platform: its country, clock, currency and VAT rates",
    "timezone": "the marketplace's clock; by default its own",
    "clock": "the sandbox's now at the start, ISO 8601, UTC unless it names an offset",
    "clock_speed": "how fast the sandbox's clock runs; 0 freezes it",
    "host": "address to listen on, loopback only",
    "port": "port to listen on; 0 picks a free one",
    "cache_bytes": "bytes of encoded rows kept in memory",
    "username": "API user",
    "password": "API password",
    "retry_after": "seconds to send as Retry-After with a 429",
    "retry_after_date": "send Retry-After as a date",
    "lower_limits": 'requests a minute below the documented ones, as JSON, such as {"other": 20}',
    "latency": "seconds before each reply",
    "latency_jitter": "up to so many seconds more",
    "arrival_jitter": "up to so many seconds until a request arrives and is counted",
    "sort": "order in which rows are returned",
    "bounds": "as documented for the resource, closed: both in, half: only the lower, half_upper:"
    " only the upper, open: neither",
    "filter_time": "compare bounds as local text or as instants",
    "page_limit_mode": "above 100 rows a page: cap silently, or refuse",
    "count_mode": "how far counts can be trusted",
    "count_offset": "rows by which a stale count is off",
    "count_page": "itemsPerPage of a count: as many rows as a page has, or as were asked for",
    "count_faults": 'faults of every count, by resource, as JSON, such as {"order": "503"}',
    "page_caps": "most rows on each page from now on, comma-separated; the last one stays",
    "shapes": "whether lists and codes are as documented, as clients see them, or either by row",
    "scalars": "how loosely numbers and flags are typed",
    "invoice_envelope": "what invoices come in: results, no envelope, a list, or each in turn",
    "category_lists": "whether lists of categories carry their parts: full, absent or empty",
    "row_envelope": "what packages and measures come in: list, object, wrapped, bare, mixed",
    "foreign_awb_share": "share of AWBs that belong to another country and are answered 412",
    "limit_mode": "budget per any second and minute, or per calendar second and minute",
    "burst": "seconds at the start during which every request is answered 500",
    "drip_seconds": "seconds that a dripped reply takes",
    "changes_per_second": "orders that change by themselves",
    "offer_changes_per_second": "offers that change by themselves",
    "new_orders_per_second": "orders that are placed by themselves",
    "default_type": "type that order/read assumes when none is given",
    "default_count_type": "type that order/count assumes when none is given",
    "lone_count_bounds": "what order/count makes of one bound without the other",
    "count_filters": "filters of a count: those documented for it, or all of its read",
    "default_return_type": "type that rma/read assumes when none is given",
    "ignored_filters": "filters that have no effect, comma-separated, such as rma.type",
    "refused_filters": "filters that are answered with isError, comma-separated",
    "faults": 'shares of requests that fail, as JSON, such as {"500": 0.1, "reset": 0.02}',
    "dates": 'shares of good replies whose Date is wrong, as JSON, such as {"ahead": 0.04}',
    "next_dates": "what the next good replies' Dates are like, such as ok,ahead,absent",
    "error_dates": "what the Date of an error page is like",
    "date_error": "seconds by which a Date is too early or too late",
    "fail_next": "faults of the next requests, comma-separated, such as 500,ok,reset",
    "empty_next": "next requests of a resource answered as if it were empty, as JSON, such as"
    ' {"product_offer": 2}',
    "resource_faults": 'what always fails, as JSON, such as {"rma/count": "500"}',
    "item_faults": 'items that fail for ever, as JSON, such as {"awb/800001": "500"}',
    "rows": "rows served in place of the shop's own, by resource, as JSON, such as"
    ' {"vat": [{"vat_id": 1, "vat_rate": 0.21}]}',
    "allowed_ip": "refuse every caller's address",
    "limits": "keep no request budgets",
    "unknown_keys": "add keys that eMAG does not document",
    "unknown_key": "name of those keys, by default one of several",
    "refusal_text": "message of the fault is_error",
    "nul_bytes": "put NUL characters into some texts",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the sandbox until SIGINT or SIGTERM; 0 after a clean stop, 2 for bad use."""
    options = vars(_parser().parse_args(arguments))
    ready_file: Path | None = options.pop("ready_file")
    try:
        from emag_sandbox import Sandbox  # noqa: PLC0415 - without the extra it is not there
    except ImportError as error:
        return _complain(str(error))
    try:
        sandbox = Sandbox(SandboxConfig(**options))
        sandbox.start()
    except (ValueError, TypeError) as error:
        return _complain(str(error))
    except OSError as error:
        return _complain(f"cannot listen on port {options['port']}: {error.strerror or error}")
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    if ready_file is not None:
        ready_file.write_text(sandbox.url + "\n", encoding="utf-8")
    _print_address(sandbox)
    while not stop.wait(0.5):
        pass
    sandbox.stop()
    return 0


def _print_address(sandbox: Sandbox) -> None:
    config = sandbox.config
    print(  # noqa: T201 - this line is what the command is for
        f"eMAG sandbox at {sandbox.url} (user {config.username}, password {config.password}): "
        f"{len(sandbox.world.order_book.index)} orders, {len(sandbox.world.offer_ids())} offers. "
        f"Point the tap at it with api_url={sandbox.url}",
        flush=True,
    )


def _complain(message: str) -> int:
    sys.stderr.write(f"emag-sandbox: {message}\n")
    return BAD_USE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="emag-sandbox",
        description="A fake eMAG Marketplace API on loopback, filled from a seed.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    for knob in dataclasses.fields(SandboxConfig):
        _add(parser, knob.name, getattr(SandboxConfig(), knob.name))
    parser.set_defaults(port=8080)
    parser.add_argument(
        "--ready-file", type=Path, metavar="PATH", help="file that gets the URL once listening"
    )
    return parser


def _add(parser: argparse.ArgumentParser, name: str, default: object) -> None:
    flag, choices = f"--{name.replace('_', '-')}", dict(CHOICES).get(name)
    if name in ("default_type", "default_count_type", "default_return_type"):
        parser.add_argument(flag, type=_kind, default=default, metavar="{2,3,all}", help=HELP[name])
    elif isinstance(default, bool):
        flag = f"--no-{name.replace('_', '-')}" if default else flag
        parser.add_argument(
            flag, dest=name, action="store_false" if default else "store_true", help=HELP[name]
        )
    elif choices is not None:
        parser.add_argument(flag, choices=choices, default=default, help=HELP[name])
    else:
        readers: dict[str, Callable[[str], Any]] = {
            "clock": _moment,
            "faults": _object,
            "count_faults": _object,
            "empty_next": _object,
            "page_caps": _numbers,
            "resource_faults": _object,
            "item_faults": _object,
            "rows": _object,
            "lower_limits": _object,
            "dates": _object,
            **dict.fromkeys((*FILTERS, "fail_next", "next_dates"), _names),
            "retry_after": float,
            **dict.fromkeys(COUNTS_OR_NONE, int),
        }
        kind = readers.get(name, type(default))
        parser.add_argument(flag, type=kind, default=default, help=HELP[name])


def _kind(text: str) -> int | None:
    return None if text == "all" else int(text)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def _object(text: str) -> dict[str, Any]:
    given = json.loads(text)
    if not isinstance(given, dict):
        raise argparse.ArgumentTypeError("a JSON object is wanted")
    return given


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",") if number]


def _names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


if __name__ == "__main__":
    sys.exit(main())
