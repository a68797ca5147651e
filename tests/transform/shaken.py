"""Changes rows of the loader's tables at random, as loads and people do."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import psycopg

    Connection = psycopg.Connection[tuple[object, ...]]

ORDER = "marketplace = %(marketplace)s AND account_type = %(account_type)s AND {} = %(id)s"
CHILDREN = ("order_lines", "order_vouchers", "order_voucher_splits")


def shake(connection: Connection, seed: int, changes: int) -> None:
    """Make so many changes, each to an order drawn at random, and some to offers and returns."""
    dice = Random(seed)
    query = "SELECT marketplace, account_type, id FROM emag.orders ORDER BY 1, 2, 3, type"
    orders = connection.execute(query).fetchall()
    kinds: tuple[Callable[[Connection, dict[str, object], Random], None], ...] = (
        _change,
        _come_late,
        _drop_a_line,
        _change_type,
        _delete,
        _return,
    )
    for number in range(changes):
        marketplace, account_type, order = dice.choice(orders)
        key = {"marketplace": marketplace, "account_type": account_type, "id": order}
        kinds[number % len(kinds)](connection, key, dice)
    connection.execute(
        "UPDATE emag.products SET general_stock = general_stock + 1, _sdc_batched_at = now()"
        " WHERE id %% 9 = %s",
        [seed % 9],
    )
    connection.execute(
        "INSERT INTO emag.product_history (marketplace, account_type, id, changed_at, sale_price,"
        " general_stock, status, currency, buy_button_rank, _sdc_batched_at)"
        " SELECT marketplace, account_type, id, changed_at - interval '30 hours', sale_price + 1,"
        " 3, 1, currency, 2, now() FROM emag.product_history WHERE id %% 7 = %s",
        [seed % 7],
    )


def _change(connection: Connection, key: dict[str, object], dice: Random) -> None:
    """Another status, day, currency and customer; the order's other rows come as they were."""
    values = {
        "status": dice.choice([0, 1, 4, 5]),
        "currency": dice.choice(["RON", "BGN", "EUR", None]),
        "days": dice.randint(0, 40),
    }
    connection.execute(
        "UPDATE emag.orders SET status = %(status)s, currency = %(currency)s,"
        " date = date - make_interval(days => %(days)s), customer_id = customer_id %% 5,"
        " finalization_date = finalization_date - make_interval(days => %(days)s),"
        f" _sdc_batched_at = now() WHERE {ORDER.format('id')}",
        {**key, **values},
    )


def _come_late(connection: Connection, key: dict[str, object], _: Random) -> None:
    connection.execute(
        "UPDATE emag.order_lines SET initial_qty = initial_qty + 1, quantity = quantity + 1,"
        f" _sdc_batched_at = now() WHERE {ORDER.format('order_id')}",
        key,
    )


def _drop_a_line(connection: Connection, key: dict[str, object], _: Random) -> None:
    connection.execute(
        "UPDATE emag.orders SET modified = modified + interval '1 minute', _sdc_batched_at = now()"
        f" WHERE {ORDER.format('id')}",
        key,
    )
    for table in CHILDREN:
        column = {"order_lines": "id", "order_vouchers": "voucher_id"}.get(table, "order_line_id")
        connection.execute(
            f"UPDATE emag.{table} SET order_modified = order_modified + interval '1 minute',"
            f" _sdc_batched_at = now() WHERE {ORDER.format('order_id')} AND {column} %% 2 = 0",
            key,
        )


def _change_type(connection: Connection, key: dict[str, object], _: Random) -> None:
    """The order comes again with the other type, and with its lines."""
    for table, name, order_type in (
        ("orders", "id", "type"),
        *((child, "order_id", "order_type") for child in CHILDREN),
    ):
        moved = "modified" if table == "orders" else "order_modified"
        connection.execute(
            f"CREATE TEMP TABLE moved AS SELECT * FROM emag.{table} WHERE {ORDER.format(name)}"
            f" AND {order_type} = 3",
            key,
        )
        connection.execute(
            f"UPDATE moved SET {order_type} = 2, _sdc_batched_at = now(),"
            f" {moved} = {moved} + interval '1 hour'"
        )
        connection.execute(f"INSERT INTO emag.{table} SELECT * FROM moved ON CONFLICT DO NOTHING")
        connection.execute("DROP TABLE moved")


def _delete(connection: Connection, key: dict[str, object], _: Random) -> None:
    """Someone deletes the rows by hand."""
    connection.execute(f"DELETE FROM emag.orders WHERE {ORDER.format('id')}", key)
    for table in CHILDREN:
        connection.execute(f"DELETE FROM emag.{table} WHERE {ORDER.format('order_id')}", key)


def _return(connection: Connection, key: dict[str, object], dice: Random) -> None:
    connection.execute(
        "UPDATE emag.returns SET request_status = %(status)s, _sdc_batched_at = now()"
        " WHERE marketplace = %(marketplace)s AND account_type = %(account_type)s"
        " AND emag_id %% 5 = %(part)s",
        {**key, "status": dice.choice([1, 2, 3, 7]), "part": dice.randint(0, 4)},
    )
