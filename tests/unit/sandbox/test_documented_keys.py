"""The sandbox sends every key, form and code that eMAG's API is known to send, and no other."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
import requests

from emag_sandbox import Sandbox, SandboxConfig
from emag_sandbox.documented import RESOURCES, keys
from tests.support.codes import CODES, DOCUMENTED
from tests.unit.sandbox.conftest import NOW

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from emag_sandbox.documented import Key

Row = dict[str, Any]
TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
DAY = re.compile(r"\d{4}-\d\d-\d\d")
SPOKEN = re.compile(r"\d{1,2} [A-Z][a-z]{2} \d{4}, \d\d:\d\d")
# What JSON may have for a type where all scalars are as the documentation types them.
FORMS = {
    "decimal": {"decimal", "integer"},
    "flag": {"integer"},
    "integers": {"integers", "texts"},
}
# Codes of requests, and of marketplaces other than the shop's.
ELSEWHERE = ("category_languages", "currencies")
# A code that does not exist any more; old rows may have it.
REMOVED = {"validation_statuses": {"7"}}
CONFIG: Row = {"row_envelope": "list", "clock": NOW, "clock_speed": 0.0, "limits": False}


@dataclass
class Seen:
    """What the rows of one resource have, by path: forms, values, and where null was."""

    resource: str
    forms: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    values: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    nulls: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, resource: str, *shops: Sandbox) -> Seen:
        """Return what some shops send of one resource."""
        found = cls(resource)
        unknown = {key.path for key in keys(resource) if key.type == "any"}
        for shop in shops:
            for row in rows(shop, resource):
                look(found, unknown, "", row)
        return found

    @property
    def keys(self) -> tuple[Key, ...]:
        """The keys of the resource that are known to be sent, or assumed."""
        return tuple(key for key in keys(self.resource) if key.mark in "DOU")


@pytest.fixture(scope="module")
def large() -> Iterator[Sandbox]:
    """A shop that has everything somewhere."""
    with Sandbox(SandboxConfig(orders=3000, offers=600, returns=1500, **CONFIG)) as shop:
        shop.world.touch_orders(600)
        yield shop


@pytest.fixture(scope="module")
def typed() -> Iterator[Sandbox]:
    """A shop whose scalars have their types."""
    with Sandbox(SandboxConfig(orders=300, offers=200, scalars="native", **CONFIG)) as shop:
        yield shop


@pytest.fixture(scope="module")
def all_seen(large: Sandbox, typed: Sandbox) -> dict[str, Seen]:
    """Return what both shops send, by resource."""
    return {resource: Seen.of(resource, large, typed) for resource in RESOURCES}


@pytest.fixture(params=RESOURCES)
def seen(all_seen: dict[str, Seen], request: pytest.FixtureRequest) -> Seen:
    return all_seen[request.param]


def look(seen: Seen, unknown: set[str], path: str, value: object) -> None:
    """Add the forms of a value and of all inside it."""
    if isinstance(value, dict) and path and value and all(map(str.isdecimal, value)):
        value = list(value.values())  # a list with gaps, as PHP writes it
    if path:
        if value is None:
            seen.nulls.add(path)
        elif value in ([], {}):
            seen.forms[path].add("empty")
        else:
            seen.forms[path].add(form(value))
            seen.values[path] |= {
                str(one) for one in (value if isinstance(value, list) else [value])
            }
    if path in unknown:
        return
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, dict):
            for name, inner in each.items():
                look(seen, unknown, f"{path}.{name}" if path else name, inner)


def form(value: object) -> str:
    if isinstance(value, list):
        first = value[0]
        return "objects" if isinstance(first, dict) else f"{form(first)}s"
    kinds = {bool: "boolean", int: "integer", Decimal: "decimal", dict: "object"}
    if type(value) in kinds:
        return kinds[type(value)]
    for pattern, name in ((TIME, "datetime"), (DAY, "day"), (SPOKEN, "spoken")):
        if pattern.fullmatch(str(value)):
            return name
    return "text"


def rows(shop: Sandbox, resource: str) -> Iterable[Row]:
    """Read all that a resource has; decimals are exact."""
    readers: dict[str, Callable[[Sandbox], Iterable[Row]]] = {
        "count": lambda shop: [ask(shop, "order/count", type=3)],
        "invoice list": lambda shop: [ask(shop, "invoice/read")],
        "envelope": lambda shop: [reply_of(shop, "order/read")],
        "invoice/categories": lambda shop: ask(shop, resource),
        "awb": shipments,
        "category": categories,
        "product_offer": lambda shop: (*pages(shop, resource), *alone(shop)),
        "order/attachments": attachments,
        "order/volumetry": volumetries,
        "locality": localities,
        "awb/package": lambda shop: rows_in(ask(shop, "awb/package/read")),
        "find_by_eans": products,
        "commission": lambda shop: (
            get(shop, f"/api/v1/commission/estimate/{one}")["data"] for one in some_offers(shop)
        ),
        "smart-deals-price-check": lambda shop: (
            get(shop, f"/api-3/{resource}?productId={one}")["results"] for one in some_offers(shop)
        ),
    }
    return readers[resource](shop) if resource in readers else pages(shop, resource)


def some_offers(shop: Sandbox) -> list[int]:
    return shop.world.offer_ids()[:40]


def alone(shop: Sandbox) -> Iterator[Row]:
    for one in some_offers(shop):
        yield from ask(shop, "product_offer/read", id=one)


def categories(shop: Sandbox) -> Iterator[Row]:
    for row in list(pages(shop, "category"))[:60]:
        yield from ask(shop, "category/read", id=row["id"])


def attachments(shop: Sandbox) -> Iterator[Row]:
    for kind, number in shop.world.order_keys()[:100]:
        yield from ask(shop, "order/attachments/read", order_id=number, order_type=kind)


def localities(shop: Sandbox) -> Iterator[Row]:
    for country in DOCUMENTED["locality_countries"]:
        yield from pages(shop, "locality", country_code=country)


def volumetries(shop: Sandbox) -> Iterator[Row]:
    for kind, number in shop.world.order_keys()[:100]:
        yield from rows_in(ask(shop, "order/volumetry/read", order_id=number, type=kind))


def rows_in(results: Any) -> list[Row]:  # noqa: ANN401 - a row, or a list of rows
    return [results] if isinstance(results, dict) else list(results)


def products(shop: Sandbox) -> Iterator[Row]:
    eans = [ean for one in some_offers(shop) for ean in shop.world.offer(one)["ean"]]
    asked = "&".join(f"eans[]={ean}" for ean in eans)
    for found in get(shop, f"/api-3/documentation/find_by_eans?{asked}")["results"].values():
        yield from found["products"]


def shipments(shop: Sandbox) -> Iterator[Row]:
    for one in shop.world.reservation_ids()[:300]:
        if not shop.world.foreign_awb(one):
            yield from rows_in(ask(shop, "awb/read", reservation_id=one))


def get(shop: Sandbox, path: str) -> Any:  # noqa: ANN401 - any JSON
    url = shop.url.removesuffix("/api-3") + path
    reply = requests.get(url, auth=("demo", "demo"), timeout=60)
    reply.raise_for_status()
    return reply.json(parse_float=Decimal)


def ask(shop: Sandbox, path: str, **body: object) -> Any:  # noqa: ANN401 - any JSON
    return reply_of(shop, path, **body)["results"]


def reply_of(shop: Sandbox, path: str, **body: object) -> Row:
    reply = requests.post(f"{shop.url}/{path}", json=body, auth=("demo", "demo"), timeout=60)
    reply.raise_for_status()
    found: Row = reply.json(parse_float=Decimal)
    return found


def pages(shop: Sandbox, resource: str, **filters: object) -> Iterator[Row]:
    for kind in ({"type": 3}, {"type": 2}) if resource == "order" else ({},):
        for page in range(1, 100):
            found = ask(shop, f"{resource}/read", currentPage=page, **filters, **kind)
            listed = found["invoices"] if isinstance(found, dict) else found
            yield from listed
            if len(listed) < 100:
                break


def test_every_key_is_sent_in_each_of_its_forms(seen: Seen) -> None:
    missing = [
        f"{key.path}: {key.type}"
        for key in seen.keys
        if key.mark != "U" and not seen.forms.get(key.path, set()) & allowed(key)
        # Of what is not documented, null and an empty list are all that was seen.
        if not (key.type == "any" and key.path in seen.nulls | seen.forms.keys())
    ]
    assert missing == []


def test_no_other_key_is_sent(seen: Seen) -> None:
    assert seen.forms.keys() | seen.nulls <= {key.path for key in seen.keys}


def test_null_is_sent_only_where_it_is_known(seen: Seen) -> None:
    assert seen.nulls <= {key.path for key in seen.keys if key.nullable or key.type == "any"}


def test_every_code_that_is_sent_is_known(seen: Seen) -> None:
    for key in seen.keys:
        forms = [each.type for each in seen.keys if each.path == key.path]
        if key.codes and forms == [key.type]:  # no object or flag in its place
            assert seen.values[key.path] - {""} <= CODES[key.codes], key.path


def test_every_documented_code_is_sent(all_seen: dict[str, Seen]) -> None:
    sent: dict[str, set[str]] = defaultdict(set)
    for seen in all_seen.values():
        for key in seen.keys:
            sent[key.codes] |= seen.values[key.path]
    missing = {
        name: listed - sent[name] for name, listed in DOCUMENTED.items() if name not in ELSEWHERE
    }
    assert {name: left for name, left in missing.items() if left} == REMOVED


def test_categories_come_in_each_documented_language(large: Sandbox) -> None:
    names = {
        ask(large, f"category/read?language={language}", itemsPerPage=1)[0]["name"]
        for language in DOCUMENTED["category_languages"]
    }
    assert len(names) == len(DOCUMENTED["category_languages"])


@pytest.mark.parametrize("resource", RESOURCES)
def test_every_scalar_has_its_type(typed: Sandbox, resource: str) -> None:
    seen = Seen.of(resource, typed)
    expected: dict[str, set[str]] = defaultdict(set)
    for key in seen.keys:
        expected[key.path] |= allowed(key)
    wrong = {
        path: forms - expected[path]
        for path, forms in seen.forms.items()
        if "any" not in expected[path] and not forms - {"empty"} <= expected[path]
    }
    assert wrong == {}


def allowed(key: Key) -> set[str]:
    return FORMS.get(key.type, {key.type})


@pytest.mark.parametrize(("shapes", "listed"), [("documented", True), ("observed", False)])
def test_a_shop_has_the_shapes_of_the_documentation_or_of_the_clients(
    shapes: str, listed: bool
) -> None:
    config = SandboxConfig(orders=100, offers=60, shapes=shapes, scalars="native", **CONFIG)
    with Sandbox(config) as shop:
        orders, offers = (Seen.of(name, shop).forms for name in ("order", "product_offer"))
        shipments = Seen.of("awb", shop).forms
    container = "objects" if listed else "object"
    for forms, name in (
        (orders, "customer"),
        (orders, "details"),
        (offers, "family"),
        (offers, "offer_validation_status"),
        (shipments, "courier"),
    ):
        assert forms[name] - {"empty"} == {container}, name
    assert offers["ownership"] == {"integer" if listed else "boolean"}
    assert ("validation_status.Description" in offers) is listed
    assert ("validation_status.description" in offers) is not listed
