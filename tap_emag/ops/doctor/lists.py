"""Checks how eMAG answers requests for offers, returns, shipments, invoices and lists."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from tap_emag.errors import ContractError, NotThereError
from tap_emag.ops.doctor.orders import (
    EXPECTED,
    TYPES,
    bounds,
    compare_count,
    outer_shape,
    page_size,
)
from tap_emag.ops.doctor.samples import second_in, shape, shapes, sort_of, span_between
from tap_emag.readers.calendar import DAY, EPOCH, Calendar, text_of
from tap_emag.readers.window_reader import type_of
from tap_emag.schema.cleaning import MisfitError
from tap_emag.schema.column_types import parse_decimal
from tap_emag.schema.identity import rows_of, rows_with
from tap_emag.settings.account import Account
from tap_emag.streams.invoices.rows import (
    customer_invoice_rows,
    invoice_category_row,
    invoice_list,
    invoice_rows,
)
from tap_emag.streams.products.rows import product_row
from tap_emag.streams.reference.rows import (
    address_row,
    awb_package_row,
    category_rows,
    courier_account_row,
    handling_time_row,
    locality_row,
    vat_rate_row,
)
from tap_emag.streams.returns.rows import reservation_ids, return_rows
from tap_emag.streams.returns.shipment_rows import awb_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from decimal import Decimal

    from tap_emag.ops.doctor.answer import Answer
    from tap_emag.ops.doctor.prober import Prober
    from tap_emag.ops.doctor.report import Report
    from tap_emag.ops.doctor.samples import Keys
    from tap_emag.schema.local_time import Clock
    from tap_emag.schema.table import Report as FieldReport
    from tap_emag.settings.settings import Settings

INVOICE_SPAN: Final = timedelta(days=90)
ONE_DAY: Final = timedelta(days=1)
OFFER_SHAPES: Final = (
    "content_details",
    "offer_properties",
    "commission",
    "start_date",
    "doc_errors",
)
RETURN_SHAPES: Final = ("status_history", "request_history", "request_status_reason", "swap")
ENVELOPE_KEYS: Final = ("isError", "results", "invoices", "total_results")


@dataclass
class ListChecks:
    """The checks of all resources but orders; its methods are called one after the other."""

    report: Report
    prober: Prober
    settings: Settings
    clock: Clock
    keys: Keys
    returns: list[dict[str, Any]] = field(default_factory=list)
    localities: list[dict[str, Any]] = field(default_factory=list)

    @property
    def _account(self) -> Account:
        return Account(self.settings.marketplace, self.settings.account_type)

    def offers(self) -> None:
        """Send two requests for offers."""
        counted, read = (
            self.prober.count("product_offer", {}),
            self.prober.read("product_offer", {}),
        )
        if not self.report.answered("product_offer", read):
            return
        rows, number = read.rows, counted.number
        there = f"{number:,} offers counted" if number is not None else "offers"
        self.report.ok("product_offer", f"readable: {there}, {len(rows)} on one page")
        self._sorted("sort order of offers", rows, "id")
        page_size(self.report, "page size of offers", len(rows), number)
        if self.report.answered("count of offers", counted):
            compare_count(self.report, "count of offers", number, len(rows))
        self.keys.look(
            "product_offer", rows, lambda row, note: product_row(row, self._account, note)
        )
        self._shapes("shapes in offers", rows, OFFER_SHAPES)

    def all_returns(self) -> None:
        """Send up to five requests for returns and one for a shipment."""
        counted, read = self.prober.count("rma", {}), self.prober.read("rma", {})
        if self.report.answered("rma", read):
            self.returns = rows = read.rows
            self.report.ok("rma", f"readable: {len(rows)} returns on one page")
            if self.report.answered("rma/count", counted):
                number = counted.number
                text = "a reply without a number" if number is None else f"answers: {number:,}"
                self.report.ok("rma/count", text)
            self._sorted("sort order of returns", rows, "emag_id", "date")
            page_size(self.report, "page size of returns", len(rows), counted.number)
            self._type_of_returns(rows)
            self._bounds_of_returns(rows, counted.number)
            place = partial(return_rows, fingerprint="")
            self.keys.look(
                "rma", rows, lambda row, note: place(row, self._account, self.clock, note)
            )
            self._shapes("shapes in returns", rows, RETURN_SHAPES)
        self._shipment()

    def lists(self, vat: Answer) -> None:
        """Send a request for each list; `vat` is the reply to the first request of all."""
        places: dict[str, Callable[[Any, FieldReport], object]] = {
            "vat": lambda row, note: vat_rate_row(row, self._account, self.clock, note),
            "handling_time": lambda row, note: handling_time_row(
                row, self._account, self.clock, note
            ),
            "courier_accounts": lambda row, note: courier_account_row(
                row, self._account, self.clock, note
            ),
            "addresses": lambda row, note: address_row(row, self._account, self.clock, note),
            "category": lambda row, note: category_rows(row, self._account, note),
            "locality": lambda row, note: locality_row(row, self._account, self.clock, note),
        }
        for resource, place in places.items():
            answer = vat if resource == "vat" else self.prober.read(resource, {})
            if not self.report.answered(resource, answer):
                continue
            rows = answer.rows
            self.report.ok(resource, f"readable: {len(rows)} rows")
            self.keys.look(resource, rows, place)
            if resource == "vat":
                self._vat_unit(rows)
            if resource == "category":
                self._sorted("sort order of categories", rows, "id")
                full = sum(bool(row.get("characteristics")) for row in rows)
                self.report.ok(
                    "characteristics in lists", f"{full} of {len(rows)} categories have some"
                )
            if resource == "locality":
                self.localities = rows
                self._sorted("sort order of localities", rows, "emag_id", "modified")

    def invoices(self) -> None:
        """Send up to four requests for invoices."""
        kinds = self.prober.ask("invoice/categories")
        if self.report.answered("invoice/categories", kinds):
            self.report.ok("invoice/categories", f"readable: {len(kinds.rows)} kinds")
            self.keys.look(
                "invoice/categories",
                kinds.rows,
                lambda row, note: invoice_category_row(row, self._account, self.clock, note),
            )
        rows = self._invoices(
            "invoice", lambda row, note: invoice_rows(row, self._account, self.clock, note)
        )
        self._bounds_of_invoices(rows)
        self._invoices(
            "customer-invoice",
            lambda row, note: customer_invoice_rows(row, self._account, self.clock, note),
        )

    def packages(self) -> None:
        """Send a request for packages, whose envelope is not documented."""
        check = "awb/package"
        answer = self.prober.ask("awb/package/read", bare=True)
        if self.report.answered(check, answer):
            rows = rows_with(answer.body, "label")
            self.report.ok(check, f"readable: {len(rows)} rows; {outer_shape(answer.body)}")
            self.keys.look(
                check,
                rows,
                lambda row, note: awb_package_row(row, self._account, self.clock, note),
            )

    def bound_of_localities(self) -> None:
        """Read the localities since the newest change: is the one of that moment included?"""
        check = "bound of localities"
        known = [
            each for row in self.localities if (each := second_in(row, "modified")) is not None
        ]
        if not known:
            self.report.skip(check, "no locality has a time")
            return
        newest = max(known)
        answer = self.prober.read("locality", {"modified": text_of(newest)})
        if self.report.answered(check, answer):
            found = [second_in(row, "modified") for row in answer.rows]
            stray = sum(each is not None and each < newest for each in found)
            if stray:
                self.report.warn(
                    check,
                    f"{stray} of {len(found)} localities are older: the filter is ignored",
                    "open an issue: each run reads all localities",
                )
            else:
                verb = "includes" if newest in found else "excludes"
                self.report.ok(
                    check, f"`modified` {verb} its own time; the tap asks for an earlier one"
                )

    def _invoices(
        self, resource: str, place: Callable[[Any, FieldReport], object]
    ) -> list[dict[str, Any]]:
        today = self.prober.now().astimezone(self.settings.timezone).date()
        span = {
            "date_start": (today - INVOICE_SPAN).isoformat(),
            "date_end": (today + ONE_DAY).isoformat(),
        }
        answer = self.prober.ask(f"{resource}/read", span, bare=True)
        if not self.report.answered(resource, answer):
            return []
        rows = invoice_list(answer.body)
        days = INVOICE_SPAN.days
        self.report.ok(resource, f"readable: {len(rows)} on the first page of {days} days")
        self.report.ok(f"envelope of {resource}", _envelope(answer.body))
        self.keys.look(resource, rows, place)
        if rows:
            self.report.ok(f"amounts of {resource}", _amounts(rows))
            self._sorted(f"sort order of {resource}", rows, "number", "date")
        return rows

    def _sorted(
        self, check: str, rows: list[dict[str, Any]], id_key: str, time_key: str = ""
    ) -> None:
        found = sort_of(rows, id_key, time_key)
        if found is None:
            self.report.skip(check, "too few rows to see it by")
        else:
            self.report.ok(check, found)

    def _shapes(self, check: str, rows: list[dict[str, Any]], names: tuple[str, ...]) -> None:
        found = [f"{name}: {text}" for name in names if (text := shapes(rows, name))]
        if found:
            self.report.ok(check, "; ".join(found))

    def _type_of_returns(self, rows: list[dict[str, Any]]) -> None:
        check = "type: default of returns"
        there = {kind for kind in map(type_of, rows) if kind in TYPES}
        if there == set(TYPES):
            self.report.ok(check, "both types: a read without `type` brings types 2 and 3")
            return
        if not there:
            self.report.skip(check, "there are no returns to see it by")
            return
        [hidden] = set(TYPES) - there
        answer = self.prober.read("rma", {"type": hidden})
        if not self.report.answered(check, answer):
            return
        of_it = [row for row in answer.rows if type_of(row) in (hidden, None)]
        came = {row.get("emag_id") for row in rows}
        if not of_it:
            self.report.skip(check, f"there are returns of type {min(there)} only")
        elif len(rows) < len(answer.rows) or len(rows) < 100:  # noqa: PLR2004
            self.report.ok(check, f"type {min(there)}: a read without `type` brings no other")
        else:
            known = any(row.get("emag_id") in came for row in of_it)
            self.report.skip(check, "both came" if known else "only one type came, maybe by chance")

    def _bounds_of_returns(self, rows: list[dict[str, Any]], number: int | None) -> None:
        check, calendar = "bounds of returns", Calendar(self.settings.timezone)
        seconds = [each for row in rows if (each := second_in(row, "date")) is not None]
        length = max(seconds) - min(seconds) if seconds else 0
        per_second = (number or len(rows)) / length if length else 0.0
        pair = span_between(rows, "date", per_second, EXPECTED, calendar)
        if pair is None:
            self.report.skip(check, "too few returns with different times")
            return
        filters = {"date_start": text_of(pair[0]), "date_end": text_of(pair[1])}
        kinds = {kind for kind in map(type_of, rows) if kind in TYPES}
        if len(kinds) == 1:
            filters["type"] = str(min(kinds))
        answer = self.prober.read("rma", filters)
        if self.report.answered(check, answer):
            found = [second_in(row, "date") for row in answer.rows]
            bounds(self.report, check, ("date_start", "date_end"), pair, found)

    def _bounds_of_invoices(self, rows: list[dict[str, Any]]) -> None:
        check = "bounds of invoices"
        days = sorted({each // DAY for row in rows if (each := second_in(row, "date")) is not None})
        if len(days) < 2:  # noqa: PLR2004
            self.report.skip(check, "too few invoices with different dates")
            return
        pair = (days[-2], days[-1])
        first, last = ((EPOCH + timedelta(days=day)).date().isoformat() for day in pair)
        answer = self.prober.ask("invoice/read", {"date_start": first, "date_end": last}, bare=True)
        if self.report.answered(check, answer):
            seconds = [second_in(row, "date") for row in invoice_list(answer.body)]
            found = [None if each is None else each // DAY for each in seconds]
            bounds(self.report, check, ("date_start", "date_end"), pair, found)

    def _shipment(self) -> None:
        known = [number for row in self.returns for number in reservation_ids(row)]
        if not known:
            self.report.skip("awb", "no return names a shipment to ask for")
            return
        answer = self.prober.ask("awb/read", {"reservation_id": known[0]})
        if isinstance(answer.error, NotThereError):
            self.report.ok("awb", "readable; the shipment that was asked for is not this account's")
        elif isinstance(answer.error, ContractError):
            self.report.ok("awb", "readable; the shipment that was asked for was refused")
        elif self.report.answered("awb", answer):
            self.report.ok("awb", f"readable; results: {shape(answer.results)}")
            rows = [answer.results] if isinstance(answer.results, dict) else answer.rows
            self.keys.look(
                "awb",
                rows,
                lambda row, note: awb_rows(row, self._account, known[0], None, note, self.clock),
            )

    def _vat_unit(self, rows: list[dict[str, Any]]) -> None:
        rates = [rate for row in rows if (rate := _decimal(row.get("vat_rate"))) is not None]
        if not any(rates):
            self.report.skip("unit of vat_rate", "there is no rate to see it by")
            return
        unit = "a fraction, such as 0.21" if max(rates) <= 1 else "percent, such as 21"
        kinds = shapes(rows, "vat_rate")
        self.report.ok("unit of vat_rate", f"{unit}, as {kinds}")


def _decimal(value: object) -> Decimal | None:
    try:
        return None if value is None else parse_decimal(value)
    except MisfitError:
        return None


def _envelope(body: object) -> str:
    """Return where a reply has its list of invoices."""
    if not isinstance(body, dict):
        return shape(body)
    outer = [key for key in ENVELOPE_KEYS if key in body]
    results = body.get("results")
    if isinstance(results, dict):
        inner = [key for key in ENVELOPE_KEYS if key in results]
        return f"{', '.join(outer)}; in results: {', '.join(inner) or 'neither list nor number'}"
    text = "" if "results" not in body else f"; results: {_kind(results)}"
    return f"{', '.join(outer) or 'none'}{text}"


def _kind(results: object) -> str:
    return (
        f"a list of {len(rows_of(results) or [])}" if isinstance(results, list) else shape(results)
    )


def _amounts(rows: list[Mapping[str, Any]] | list[dict[str, Any]]) -> str:
    """Return the JSON types of totals, and the signs of those of storno invoices."""
    storno = [row for row in rows if str(row.get("is_storno")).lower() in ("1", "true")]
    signs = Counter(
        "without" if total is None else "positive" if total > 0 else "negative" if total else "zero"
        for total in (_decimal(row.get("total_with_vat")) for row in storno)
    )
    found = ", ".join(f"{number} {sign}" for sign, number in sorted(signs.items()))
    return (
        f"total_with_vat: {shapes(rows, 'total_with_vat') or 'absent'}; storno: {found or 'none'}"
    )
