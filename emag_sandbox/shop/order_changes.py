"""What happens to an order after it was first seen, by the documented flow of its status.

eMAG finalizes an order when its first AWB is issued, and marks it as returned when every line came
back. A finalized or cancelled order changes its status within 48 hours only, except that goods
come back for weeks. Lines are edited before the order is finalized, in orders that the seller sends
and that are not paid by card.
"""
# ruff: noqa: PLR2004 - shares and sizes of invented data need no names

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from emag_sandbox.shop.localtime import DAY
from emag_sandbox.shop.order_lines import LINES_AN_ORDER, give_back, line
from emag_sandbox.shop.order_money import paid_by_card
from emag_sandbox.shop.order_rows import AWB, CANCELLED, FINALIZED, RETURNED, awb_paper, paper

if TYPE_CHECKING:
    from random import Random

    from emag_sandbox.shop.order_rows import Facts, OrderContext

NEW, IN_PROGRESS, PREPARED = 1, 2, 3
SELLER: Final = 3
SECOND_THOUGHTS: Final = 2 * DAY
RETURN_TIME: Final = (30 + 5) * DAY
EDITABLE: Final = (IN_PROGRESS, PREPARED)
NEXT_STATUS: Final = {
    NEW: (IN_PROGRESS, CANCELLED),
    IN_PROGRESS: (PREPARED, FINALIZED, CANCELLED),
    PREPARED: (FINALIZED, CANCELLED),
    RETURNED: (),
}


def change(
    shop: OrderContext, facts: Facts, row: dict[str, Any], rng: Random, instant: int
) -> None:
    """Let one thing happen to an order at an instant; `modified` moves with it."""
    draw = rng.random()
    row["modified"] = instant
    if draw < 0.35:
        happened = _move_on(facts, row, rng, instant)
    elif draw > 0.85:
        happened = False
    elif shop.always_edited or _is_editable(facts, row):
        drop = draw < 0.6 and len(row["products"]) > 1
        happened = _drop_line(row, rng) if drop else _add_line(shop, facts, row, rng, instant)
    else:
        happened = _return_some(row, rng, instant)
    if not happened:
        _add_paper(facts, row, rng, instant)


def next_statuses(row: dict[str, Any], instant: int) -> tuple[int, ...]:
    """The statuses that an order may get at an instant, by the documented matrix."""
    status = row["status"]
    if status == CANCELLED:
        late = instant - row["_cancelled"] > SECOND_THOUGHTS
        return () if late else (IN_PROGRESS, PREPARED, FINALIZED)
    if status != FINALIZED:
        return NEXT_STATUS[status]
    age = instant - (row["finalization_date"] or instant)
    soon = (CANCELLED, PREPARED) if age <= SECOND_THOUGHTS else ()
    return (*soon, RETURNED) if age <= RETURN_TIME else soon


def _move_on(facts: Facts, row: dict[str, Any], rng: Random, instant: int) -> bool:
    options = next_statuses(row, instant)
    if not options:
        return False
    status = row["status"] = options[int(rng.random() * len(options))]
    row["reason_cancellation"] = None
    row["_cancelled"] = instant
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
    if status == FINALIZED and all(each["type"] != AWB for each in row["attachments"]):
        row["attachments"].append(awb_paper(facts))
    return True


def _return_some(row: dict[str, Any], rng: Random, instant: int) -> bool:
    left = [each for each in row["products"] if each["quantity"]]
    if row["status"] != FINALIZED or RETURNED not in next_statuses(row, instant) or not left:
        return False
    each = left[int(rng.random() * len(left))]
    give_back(each, 1 + int(rng.random() * each["quantity"]))
    each["modified"] = instant
    row["is_storno"] = True
    if not any(each["quantity"] for each in row["products"]):
        row["status"] = RETURNED
    return True


def _drop_line(row: dict[str, Any], rng: Random) -> bool:
    del row["products"][int(rng.random() * len(row["products"]))]
    return True


def _add_line(
    shop: OrderContext, facts: Facts, row: dict[str, Any], rng: Random, instant: int
) -> bool:
    position = row["_next_position"]
    if position >= LINES_AN_ORDER:
        return False
    row["_next_position"] = position + 1
    terms = shop.terms(facts.date)
    product = shop.catalogue.product(int(rng.random() * shop.articles))
    row["products"].append(
        line(facts.number, position, product, 1 + int(rng.random() * 3), terms, instant)
    )
    return True


def _is_editable(facts: Facts, row: dict[str, Any]) -> bool:
    return facts.type == SELLER and row["status"] in EDITABLE and not paid_by_card(row)


def _add_paper(facts: Facts, row: dict[str, Any], rng: Random, instant: int) -> None:
    if row["status"] in (FINALIZED, RETURNED):
        row["payment_status"] = 1
    name = f"DOC-{facts.number}-{instant}-{int(rng.random() * 1000)}.pdf"
    row["attachments"].append(paper(facts, 1, name))
