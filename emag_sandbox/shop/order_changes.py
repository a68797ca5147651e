"""What happens to an order after it was first seen."""
# ruff: noqa: PLR2004 - shares and sizes of invented data need no names

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from emag_sandbox.shop.order_lines import LINES_AN_ORDER, give_back, line
from emag_sandbox.shop.order_rows import FINALIZED, RETURNED, paper

if TYPE_CHECKING:
    from random import Random

    from emag_sandbox.shop.order_rows import Facts, OrderContext

NEXT_STATUS: Final = ((2,), (2, 0), (3, 4, 0), (4, 0), (4, 5, 3), (5,))


def change(
    shop: OrderContext, facts: Facts, row: dict[str, Any], rng: Random, instant: int
) -> None:
    """Let one thing happen to an order at an instant; `modified` moves with it."""
    draw = rng.random()
    row["modified"] = instant
    if draw < 0.35:
        _move_on(row, rng, instant)
    elif draw < 0.55:
        _return_some(row, rng, instant)
    elif draw < 0.7 and len(row["products"]) > 1:
        del row["products"][int(rng.random() * len(row["products"]))]
    elif draw < 0.85:
        _add_line(shop, facts, row, rng, instant)
    else:
        _add_paper(facts, row, rng, instant)


def _move_on(row: dict[str, Any], rng: Random, instant: int) -> None:
    options = NEXT_STATUS[row["status"]]
    status = row["status"] = options[int(rng.random() * len(options))]
    row["reason_cancellation"] = None
    if status:
        row["has_editable_products"] = False
        row["is_complete"] = True
    if status in (FINALIZED, RETURNED):
        row["finalization_date"] = row["finalization_date"] or instant
    for each in row["products"]:
        if status == RETURNED:
            give_back(each, each["quantity"])
        each["status"] = int(status != 0)
        each["modified"] = instant


def _return_some(row: dict[str, Any], rng: Random, instant: int) -> None:
    each = row["products"][int(rng.random() * len(row["products"]))]
    if each["quantity"]:
        give_back(each, 1 + int(rng.random() * each["quantity"]))
        row["is_storno"] = True
    else:
        each["retained_amount"] += 1
    each["modified"] = instant


def _add_line(
    shop: OrderContext, facts: Facts, row: dict[str, Any], rng: Random, instant: int
) -> None:
    position = row["_next_position"]
    if position >= LINES_AN_ORDER:
        return
    row["_next_position"] = position + 1
    product = shop.catalogue.product(int(rng.random() * shop.articles))
    row["products"].append(
        line(facts.number, position, product, 1 + int(rng.random() * 3), shop.currency, instant)
    )


def _add_paper(facts: Facts, row: dict[str, Any], rng: Random, instant: int) -> None:
    row["payment_status"] = 1
    name = f"DOC-{facts.number}-{instant}-{int(rng.random() * 1000)}.pdf"
    row["attachments"].append(paper(facts, 1, name))
