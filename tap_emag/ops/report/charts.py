"""The chart of each question: its rows, summed up from the answer, and its Vega-Lite specification.

The page filters the rows, gives them to the specification under the name `rows`, and draws.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import altair as alt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime

Row = dict[str, Any]
HEIGHT: Final = 230
STEP: Final = 26  # pixels of a horizontal bar
TOP: Final = 10  # bars of products
ENOUGH: Final = 100  # of each account and currency, so that the largest of all are among them
# Upper ends of the groups of days that stock lasts.
COVER: Final = ((0, "out of stock"), (7, "1-7"), (14, "8-14"), (30, "15-30"), (90, "31-90"))
LONGEST, NOT_SOLD = "> 90", "not sold"
AMOUNT, COUNT = ",.2f", ",d"
# Places in the page's palette, where a colour has a meaning: good, bad, or not known.
COLOURS: Final = {
    "margin": 2,
    "commission": 0,
    "vouchers": 1,
    "no commission known": 7,
    "unknown": 7,
    "won": 2,
    "lost": 3,
    "eMAG": 0,
    "seller": 1,
    "invoiced": 0,
    "expected": 7,
}


class Words:
    """Looks up columns and values in one language."""

    def __init__(self, words: Mapping[str, Mapping[str, Any]]) -> None:
        self._columns, self._values = words["columns"], words["values"]

    def column(self, name: str) -> str:
        """Return the title of a column."""
        return str(self._columns[name])

    def value(self, text: str) -> str:
        """Return a word that comes in rows."""
        return str(self._values.get(text, text))


@dataclass(frozen=True)
class Chart:
    """How an answer is drawn.

    Attributes:
        table: The loader's table without which there is no answer.
        rows: Turns a row of the answer into those of the chart, at the time of the page.
        measure: What is summed up.
        draw: Makes the specification, in the words of a language.
        is_money: Each currency has a chart of its own.
        bars: Column that has a horizontal bar for each value: their number makes the height.
        top: Whether only the largest of them are drawn.
        dated: Column without whose value a row is not drawn.
    """

    table: str
    rows: Callable[[Row, datetime], Iterator[Row]]
    measure: str
    draw: Callable[[Words], alt.Chart]
    is_money: bool = False
    bars: str | None = None
    top: bool = False
    dated: str | None = None

    def data(self, answer: Iterable[Row], now: datetime) -> list[Row]:
        """Return all rows of the chart; amounts are floats here, and exact in tables."""
        sums: dict[tuple[tuple[str, Any], ...], Decimal] = defaultdict(Decimal)
        for row in answer:
            shared = {"account_key": row["account_key"], "currency": row.get("currency")}
            for each in self.rows(row, now):
                amount = each.pop(self.measure)
                if amount is not None:
                    sums[tuple((shared | each).items())] += amount
        rows = [{**dict(key), self.measure: float(amount)} for key, amount in sums.items()]
        return _largest(rows, self.bars, self.measure) if self.bars and self.top else rows

    def spec(self, words: Words) -> Row:
        """Return the Vega-Lite specification without rows."""
        found: Row = self.draw(words).properties(width="container").to_dict()
        return {name: part for name, part in found.items() if name not in ("config", "datasets")}


def _largest(rows: list[Row], bars: str, measure: str) -> list[Row]:
    """Leave out bars that are small in their account and currency: the page draws few."""
    totals: dict[tuple[str, str | None], Counter[str]] = defaultdict(Counter)
    for row in rows:
        totals[row["account_key"], row["currency"]][row[bars]] += row[measure]
    kept = {key: dict(sums.most_common(ENOUGH)) for key, sums in totals.items()}
    return [row for row in rows if row[bars] in kept[row["account_key"], row["currency"]]]


def _label(row: Row) -> str:
    return f"{row['product_id']} {row['product'] or ''}" if row["product_id"] else "unknown"


def _revenue(row: Row, _: datetime) -> Iterator[Row]:
    if row["local_date"]:
        yield {"local_date": row["local_date"].isoformat(), "amount": row["revenue_net"]}


def _margin(row: Row, _: datetime) -> Iterator[Row]:
    label = _label(row)
    if row["commission_net"] is None:
        yield {"label": label, "part": "no commission known", "amount": row["revenue_net"]}
        return
    for part, amount in (
        ("margin", row["margin_net"]),
        ("commission", row["commission_net"]),
        ("vouchers", row["seller_discount_net"] and -row["seller_discount_net"]),
    ):
        yield {"label": label, "part": part, "amount": amount}


def _returns(row: Row, _: datetime) -> Iterator[Row]:
    reason = row["reason"] or "unknown"
    yield {"label": _label(row), "reason": reason, "returned_pieces": row["returned_pieces"]}


def _late_orders(row: Row, _: datetime) -> Iterator[Row]:
    yield {"ship_by": row["ship_by"].isoformat(), "status": row["status"], "orders": 1}


def _stock(row: Row, _: datetime) -> Iterator[Row]:
    days = row["days_of_stock"] if row["stock"] else 0
    cover = NOT_SOLD
    if days is not None:
        cover = next((name for end, name in COVER if days <= end), LONGEST)
    # Rounded down to no day, a few pieces are still there.
    cover = "1-7" if cover == "out of stock" and row["stock"] else cover
    yield {"cover": cover, "offers": 1}


def _buy_buttons(row: Row, _: datetime) -> Iterator[Row]:
    yield {"rank": row["rank"], "offers": 1}


def _price_changes(row: Row, _: datetime) -> Iterator[Row]:
    yield {"own_price": row["own_price"], "change": row["change"], "changes": 1}


def _vouchers(row: Row, _: datetime) -> Iterator[Row]:
    if row["month_start"]:
        month = row["month_start"].isoformat()
        yield {"month_start": month, "sponsor": row["sponsor"], "amount": row["voucher_net"]}


def _fulfilment(row: Row, _: datetime) -> Iterator[Row]:
    yield {"fulfilled_by": row["fulfilled_by"] or "unknown", "orders": row["orders"]}


def _customers(row: Row, _: datetime) -> Iterator[Row]:
    month = row["month_start"].isoformat()
    yield {"month_start": month, "customers": row["customers"], "orders": row["orders"]}


def _settlement(row: Row, _: datetime) -> Iterator[Row]:
    month = row["month_start"].isoformat()
    yield {"month_start": month, "part": "invoiced", "amount": row["commission_net"]}
    if row["expected_commission_net"] is not None:
        amount = row["expected_commission_net"]
        yield {"month_start": month, "part": "expected", "amount": amount}


def _freshness(row: Row, now: datetime) -> Iterator[Row]:
    if row["last_sync_at"]:
        hours = Decimal((now - row["last_sync_at"]).total_seconds()) / 3600
        yield {"table_name": row["table_name"], "hours": round(max(hours, Decimal(0)), 2)}


def _columns(words: Words, x: alt.X, measure: str, colour: str, form: str = COUNT) -> alt.Chart:
    """Return stacked columns over `x`."""
    return _bars(words, colour, measure, form, x).encode(
        x=x, y=alt.Y(f"sum({measure}):Q", title=words.column(measure), axis=_quantity(form))
    )


def _rows(words: Words, y: alt.Y, measure: str, colour: str, form: str = COUNT) -> alt.Chart:
    """Return stacked horizontal bars, a bar for each `y`."""
    return _bars(words, colour, measure, form, y).encode(
        y=y, x=alt.X(f"sum({measure}):Q", title=words.column(measure), axis=_quantity(form))
    )


def _bars(words: Words, colour: str, measure: str, form: str, place: alt.X | alt.Y) -> alt.Chart:
    bars: alt.Chart = (
        alt.Chart(alt.NamedData(name="rows"))
        .mark_bar()
        .encode(
            color=alt.Color(f"{colour}:N", legend=None),  # the page has one of its own
            tooltip=[
                alt.Tooltip(place["shorthand"], title=place["title"]),
                alt.Tooltip(f"{colour}:N", title=words.column(colour)),
                alt.Tooltip(f"sum({measure}):Q", title=words.column(measure), format=form),
            ],
        )
        .properties(height=HEIGHT)
    )
    return bars


def _quantity(form: str) -> alt.Axis:
    # Pieces and orders have no halves.
    return alt.Axis(format=",~f") if form == AMOUNT else alt.Axis(format=",d", tickMinStep=1)


def _day(words: Words, name: str) -> alt.X:
    return alt.X(
        f"utcyearmonthdate({name}):T", title=words.column(name), axis=alt.Axis(format="%-d %b")
    )


def _month(words: Words) -> alt.X:
    axis = alt.Axis(format="%b %Y", labelOverlap="greedy", labelSeparation=6)
    return alt.X("utcyearmonth(month_start):O", title=words.column("month_start"), axis=axis)


def _product(measure: str) -> alt.Y:
    by = alt.EncodingSortField(field=measure, op="sum", order="descending")
    return alt.Y("label:N", title=None, sort=by)


CHARTS: Final[dict[str, Chart]] = {
    "01_revenue": Chart(
        "orders",
        _revenue,
        "amount",
        lambda w: _columns(w, _day(w, "local_date"), "amount", "account_key", AMOUNT),
        is_money=True,
        dated="local_date",
    ),
    "02_margin": Chart(
        "order_lines",
        _margin,
        "amount",
        lambda w: _rows(w, _product("amount"), "amount", "part", AMOUNT),
        is_money=True,
        bars="label",
        top=True,
    ),
    "03_returns": Chart(
        "returns",
        _returns,
        "returned_pieces",
        lambda w: _rows(w, _product("returned_pieces"), "returned_pieces", "reason"),
        bars="label",
        top=True,
    ),
    "04_late_orders": Chart(
        "orders",
        _late_orders,
        "orders",
        lambda w: _columns(w, _day(w, "ship_by"), "orders", "status"),
    ),
    "05_stock": Chart(
        "products",
        _stock,
        "offers",
        lambda w: _columns(
            w,
            alt.X(
                "cover:N",
                title=w.column("cover"),
                sort=[w.value(name) for name in (*(n for _, n in COVER), LONGEST, NOT_SOLD)],
                axis=alt.Axis(labelAngle=0),
            ),
            "offers",
            "account_key",
        ),
    ),
    "06_buy_buttons": Chart(
        "products",
        _buy_buttons,
        "offers",
        lambda w: _columns(
            w,
            alt.X("rank:O", title=w.column("rank"), axis=alt.Axis(labelAngle=0)),
            "offers",
            "account_key",
        ),
    ),
    "07_price_changes": Chart(
        "product_history",
        _price_changes,
        "changes",
        lambda w: _rows(w, alt.Y("own_price:N", title=w.column("own_price")), "changes", "change"),
        bars="own_price",
    ),
    "08_vouchers": Chart(
        "orders",
        _vouchers,
        "amount",
        lambda w: _columns(w, _month(w), "amount", "sponsor", AMOUNT),
        is_money=True,
        dated="month_start",
    ),
    "09_fulfilment": Chart(
        "orders",
        _fulfilment,
        "orders",
        lambda w: _rows(w, alt.Y("account_key:N", title=None), "orders", "fulfilled_by"),
        bars="account_key",
    ),
    "10_customers": Chart(
        "orders", _customers, "orders", lambda w: _columns(w, _month(w), "orders", "customers")
    ),
    "11_settlement": Chart(
        "invoices",
        _settlement,
        "amount",
        lambda w: _columns(w, _month(w), "amount", "part", AMOUNT).encode(
            xOffset=alt.XOffset("part:N")
        ),
        is_money=True,
    ),
    "12_freshness": Chart(
        "syncs",
        _freshness,
        "hours",
        lambda w: _rows(
            w, alt.Y("table_name:N", title=None), "hours", "account_key", AMOUNT
        ).encode(yOffset=alt.YOffset("account_key:N")),
        bars="table_name",
    ),
}
