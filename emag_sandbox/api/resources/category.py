"""`category/read` and `category/count`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from emag_sandbox.api.filters import Refused, integer, paging
from emag_sandbox.api.resources.base import cached, count_of, page_of
from emag_sandbox.shop.categories import LANGUAGES
from emag_sandbox.shop.seeded_random import mix
from emag_sandbox.wire.reference import category_wire

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from emag_sandbox.api.resources.base import Action, Answer, Call

MOST_VALUES: Final = 256


class Categories:
    """Categories: all of them without values, or one with a page of each one's values."""

    name = "category"
    bucket = "other"

    @property
    def actions(self) -> Mapping[str, Action]:
        """What can be done."""
        return {"read": _read, "count": _count}


def _read(call: Call) -> Answer:
    language, values = _language(call), _values(call)

    lists = call.config.category_lists

    def row_of(number: int) -> dict[str, Any]:
        row = call.world.category_book.row(number, language)
        if values is None and lists != "full":
            row |= {"characteristics": [], "family_types": []}
        if values is None and lists == "absent":
            del row["characteristics"], row["family_types"]
        return row

    def encoded(call: Call, number: int) -> bytes:
        shown = None if values is None else (values.start, values.stop)
        salt = mix(call.config.seed, 84, number)
        return cached(
            call,
            ("category", number, language, shown, values is None and lists),
            lambda style: category_wire(call.encoder, row_of(number), salt, style, values),
        )

    return page_of(call, _selected(call), encoded)


def _count(call: Call) -> Answer:
    return count_of(call, len(_selected(call)))


def _language(call: Call) -> str:
    language = call.query.get("language", call.world.market.language).upper()
    if language not in LANGUAGES:
        message = f"Invalid value for language: {language}"
        raise Refused(message)
    return language


def _values(call: Call) -> slice | None:
    """Which values of each characteristic are sent; none in a list."""
    if "id" not in call.params:
        return None
    asked = {
        name: call.params[given]
        for name, given in (("currentPage", "valuesCurrentPage"), ("itemsPerPage", "valuesPerPage"))
        if given in call.params
    }
    cap = call.config.page_cap(turn=False)
    page, size = paging({"itemsPerPage": MOST_VALUES, **asked}, call.config, MOST_VALUES, cap=cap)
    return slice((page - 1) * size, page * size)


def _selected(call: Call) -> Sequence[int]:
    book, id_ = call.world.category_book, integer(call.params, "id")
    if id_ is not None:
        try:
            return [book.number(id_)]
        except KeyError:
            return []
    numbers = list(range(book.count))
    if call.config.sort == "arbitrary":
        numbers.sort(key=lambda number: mix(book.id(number)))
    elif call.config.sort.endswith("desc"):
        numbers.reverse()
    return numbers
