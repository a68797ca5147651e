"""Returns the exact rows by table name, for requests over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from emag_sandbox.shop import accounts, invoice_rows, parcels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from emag_sandbox.shop.shop import Shop


class Table(NamedTuple):
    """Which rows there are, and each of them; times are instants."""

    numbers: Callable[[], Iterable[int]]
    row: Callable[[int], dict[str, Any]]


def tables(world: Shop) -> dict[str, Table]:
    """Return the tables of a shop besides orders and offers."""
    returns, awbs, fees = world.return_book, world.awb_book, world.fee_book
    categories, places = world.category_book, world.locality_book
    invoices, others = world.invoice_book, world.customer_invoice_book
    couriers = accounts.courier_accounts(world.opened, world.market)
    return {
        "returns": Table(returns.numbers, lambda number: returns.row(number, world.now())),
        "awbs": Table(
            lambda: awbs.reservations(world.now()),
            lambda id_: {
                "reservation_id": id_,
                "foreign": world.foreign_awb(id_),
                **awbs.row(id_, world.now()),
            },
        ),
        "categories": Table(lambda: range(categories.count), categories.row),
        "localities": Table(lambda: range(places.count), places.row),
        "vat_rates": _short(accounts.vat_rates(world.market)),
        "handling_times": _short(accounts.handling_times()),
        "courier_accounts": _short(couriers),
        "addresses": _short(accounts.addresses(world.market)),
        "awb_packages": _short(parcels.packages()),
        "order_volumetry": Table(
            lambda: range(len(world.order_book.index)),
            lambda number: world.volumetry_book.row(world.order_book.key(number)),
        ),
        "invoice_categories": _short(invoice_rows.categories()),
        "invoices": Table(lambda: range(invoices.count(world.now())), invoices.row),
        "customer_invoices": Table(lambda: range(others.count()), others.row),
        "commissions": Table(world.offer_ids, fees.commission),
        "smart_deals": Table(
            world.offer_ids, lambda id_: {"offer_id": id_, **fees.smart_deal(id_)}
        ),
    }


def _short(rows: list[dict[str, Any]]) -> Table:
    return Table(lambda: range(len(rows)), rows.__getitem__)
