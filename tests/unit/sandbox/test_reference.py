"""Categories, places, accounts and fees."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.unit.sandbox.agreement import BUCHAREST, differences, pages

if TYPE_CHECKING:
    from collections.abc import Callable

    from emag_sandbox import Sandbox

    Ask = Callable[..., requests.Response]
    OpenShop = Callable[..., Sandbox]
    ReadAll = Callable[..., list[dict[str, Any]]]


def listed(value: Any) -> list[Any]:  # noqa: ANN401 - a list, or an object that stands for one
    if isinstance(value, dict):
        assert list(value) != [str(place) for place in range(len(value))]
        return list(value.values())
    assert isinstance(value, list)
    return value


def rows_with(key: str, value: object) -> list[dict[str, Any]]:
    """The objects that have a key, whatever they are wrapped in."""
    if isinstance(value, dict) and key in value:
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [row for each in inner for row in rows_with(key, each)]


def category_differences(truth: dict[str, Any], row: dict[str, Any], *, alone: bool) -> list[str]:
    """Where a category on the wire differs, its first 256 values counted when it was alone."""
    row["parent_id"] = None if str(row["parent_id"]) == "0" else row["parent_id"]
    row["characteristics"] = listed(row["characteristics"])
    for each, wire in zip(truth["characteristics"], row["characteristics"], strict=True):
        if alone:
            each["values"], wire["values"] = each["values"][:256], listed(wire["values"])
        else:
            del each["values"]
        for name in ("value_tags", "is_mandatory_for_mktp"):
            wire.setdefault(name, each[name])
    return differences(truth, row)


def get(shop: Sandbox, path: str) -> requests.Response:
    root = shop.url.removesuffix("/api-3")
    return requests.get(f"{root}{path}", auth=("demo", "demo"), timeout=60)


def truth_of(shop: Sandbox, name: str) -> list[dict[str, Any]]:
    found = getattr(shop.world, name)()
    return list(found)


@pytest.mark.parametrize("scalars", ["mixed", "strings", "native"])
def test_categories_on_the_wire_agree_with_the_truth(
    open_shop: OpenShop, ask: Ask, scalars: str
) -> None:
    shop = open_shop(scalars=scalars)
    rows = list(pages(shop, ask, "category"))
    assert len(rows) == 300
    assert any(isinstance(row["characteristics"], dict) for row in rows)
    assert not any("values" in each for row in rows for each in listed(row["characteristics"]))
    for row in rows:
        truth = shop.world.category(int(row["id"]))
        assert category_differences(truth, row, alone=False) == []
    holes = False
    for truth in list(shop.world.categories())[:60]:
        row = ask(shop, "category/read", id=truth["id"]).json()["results"][0]
        values = [each["values"] for each in listed(row["characteristics"])]
        holes = holes or any(isinstance(each, dict) for each in values)
        assert category_differences(truth, row, alone=True) == []
    assert holes


def test_categories_are_a_tree_with_traits_of_all_sorts(open_shop: OpenShop) -> None:
    shop = open_shop(categories=3000, offers=100)
    rows = {row["id"]: row for row in shop.world.categories()}
    assert len(rows) == 3000
    assert {row["category_id"] for row in shop.world.offers()} - {None} <= set(rows)
    depth = 0
    for row in rows.values():
        steps = 0
        while row["parent_id"] is not None:
            row, steps = rows[row["parent_id"]], steps + 1  # noqa: PLW2901 - climbs to the root
        depth = max(depth, steps)
    assert depth >= 4
    traits = [[each["id"] for each in row["characteristics"]] for row in rows.values()]
    assert any(len(ids) != len(set(ids)) for ids in traits)
    assert any(row["family_types"] for row in rows.values())


def test_many_values_come_in_pages(shop: Sandbox, ask: Ask) -> None:
    truth, place = next(
        (row, place)
        for row in shop.world.categories()
        for place, each in enumerate(row["characteristics"])
        if len(each["values"]) > 512
    )
    found: list[str] = []
    for page in (1, 2, 3, 4):
        paging = {"valuesCurrentPage": page, "valuesPerPage": 256}
        row = ask(shop, "category/read", id=truth["id"], **paging).json()["results"][0]
        found += listed(listed(row["characteristics"])[place]["values"])
    assert found == truth["characteristics"][place]["values"]


def test_a_category_is_told_in_a_language(shop: Sandbox, ask: Ask) -> None:
    row = ask(shop, "category/read?language=en", id=500).json()["results"][0]
    assert row["name"] == shop.world.category(500, "EN")["name"] != shop.world.category(500)["name"]
    assert ask(shop, "category/read?language=xx").json()["isError"] is True
    assert ask(shop, "category/read", id=7).json()["results"] == []
    assert ask(shop, "category/count").json()["results"]["noOfItems"] == "300"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("vat/read", "vat_rates"),
        ("handling_time/read", "handling_times"),
        ("courier_accounts/read", "courier_accounts"),
        ("addresses/read", "addresses"),
        ("invoice/categories", "invoice_categories"),
    ],
)
def test_short_lists_agree_with_the_truth(shop: Sandbox, ask: Ask, path: str, name: str) -> None:
    rows = ask(shop, path).json(parse_float=Decimal)["results"]
    assert differences(truth_of(shop, name), rows) == []
    shop.set(unknown_keys=True)
    assert differences(truth_of(shop, name), ask(shop, path).json()["results"]) != []


@pytest.mark.parametrize("lists", ["absent", "empty"])
def test_lists_of_categories_may_lack_their_parts(
    open_shop: OpenShop, ask: Ask, lists: str
) -> None:
    shop = open_shop(category_lists=lists)
    for row in ask(shop, "category/read").json()["results"]:
        parts: list[object] = [row.get(name) for name in ("characteristics", "family_types")]
        assert parts == [None if lists == "absent" else []] * 2
    alone = ask(shop, "category/read", id=500).json()["results"][0]
    assert alone["characteristics"]


def test_a_count_of_localities_takes_no_country(shop: Sandbox, ask: Ask, read_all: ReadAll) -> None:
    count = ask(shop, "locality/count", country_code="HU").json()["results"]["noOfItems"]
    assert (
        int(count)
        == len(read_all(shop, "locality"))
        > len(read_all(shop, "locality", country_code="HU"))
    )


@pytest.mark.parametrize("envelope", ["list", "object", "wrapped", "bare", "mixed"])
def test_packages_and_measures_come_in_any_envelope(
    open_shop: OpenShop, ask: Ask, envelope: str
) -> None:
    shop = open_shop(orders=40, row_envelope=envelope)
    rows = rows_with("label", ask(shop, "awb/package/read").json(parse_float=Decimal))
    assert differences(shop.world.packages(), rows) == []
    empty = 0
    for kind, id_ in shop.world.order_keys():
        truth = shop.world.volumetry((kind, id_))
        reply = ask(shop, "order/volumetry/read", order_id=id_, type=kind)
        found = rows_with("order_id", reply.json(parse_float=Decimal))
        empty += not truth["volumetric_data"]
        for row in found:
            row["volumetric_data"] = listed(row["volumetric_data"])
        assert found == [] or differences([truth], found) == []
        assert found or not truth["volumetric_data"]
    assert 0 < empty < 20
    other = next(id_ for kind, id_ in shop.world.order_keys() if kind == 2)
    unknown = ask(shop, "order/volumetry/read", order_id=other).json()
    assert rows_with("order_id", unknown) == []
    assert ask(shop, "order/volumetry/read").json()["isError"] is True


def test_localities_on_the_wire_agree_with_the_truth(
    shop: Sandbox, ask: Ask, read_all: ReadAll
) -> None:
    truth = {row["emag_id"]: row for row in shop.world.localities()}
    assert len(truth) == 500
    found: dict[int, dict[str, Any]] = {}
    for country in ("RO", "BG", "HU", "PL", "EL", "DE"):
        rows = read_all(shop, "locality", country_code=country)
        found |= {int(row["emag_id"]): row for row in rows}
        assert rows
    assert found.keys() == truth.keys()
    assert all(differences(truth[key], row) == [] for key, row in found.items())
    at_home = {key for key, row in truth.items() if row["country_code"] == "RO"}
    assert {int(row["emag_id"]) for row in read_all(shop, "locality")} == at_home
    count = ask(shop, "locality/count").json()["results"]["noOfItems"]
    assert count == str(len(at_home))


def test_localities_are_filtered_as_documented(shop: Sandbox, read_all: ReadAll) -> None:
    truth = [row for row in shop.world.localities() if row["country_code"] == "RO"]
    one = truth[20]
    for name in ("emag_id", "name", "region2"):
        found = {int(row["emag_id"]) for row in read_all(shop, "locality", **{name: one[name]})}
        assert found == {row["emag_id"] for row in truth if row[name] == one[name]}
    bound = one["modified"].astimezone(BUCHAREST).strftime("%Y-%m-%d %H:%M:%S")
    found = {int(row["emag_id"]) for row in read_all(shop, "locality", modified=bound)}
    assert found == {row["emag_id"] for row in truth if row["modified"] >= one["modified"]}
    touched = set(shop.world.touch_localities(ids=[one["emag_id"]]))
    recent = read_all(shop, "locality", modified="2026-11-10 14:00:00")
    assert {int(row["emag_id"]) for row in recent} == touched


def test_the_smart_price_of_an_offer_is_told(open_shop: OpenShop) -> None:
    shop, path = open_shop(), "/api-3/smart-deals-price-check?productId="
    prices = set()
    for offer_id in shop.world.offer_ids()[:25]:
        found = get(shop, f"{path}{offer_id}").json(parse_float=Decimal)
        truth = shop.world.smart_deal(offer_id)
        assert found["isError"] is False
        assert differences(truth, found["results"]) == []
        prices.add(type(truth["smart_deals_price"]))
    assert prices == {Decimal, type(None)}
    assert get(shop, f"{path}1").status_code == 404
    assert get(shop, path).status_code == 400
    assert shop.stats()["buckets"]["other"]["requests"] == 27


def test_the_commission_has_a_place_and_an_envelope_of_its_own(open_shop: OpenShop) -> None:
    shop, path = open_shop(), "/api/v1/commission/estimate/"
    kinds = set()
    for offer_id in shop.world.offer_ids():
        found = get(shop, f"{path}{offer_id}").json(parse_float=Decimal)
        assert found.keys() == {"code", "data"}
        assert differences(shop.world.commission(offer_id), found["data"]) == []
        kinds.add(type(found["data"]["value"]))
    assert kinds == {int, Decimal, str, type(None)}
    gone = shop.world.withdraw_offers(1)[0]
    reply = get(shop, f"{path}{gone}")
    assert (reply.status_code, reply.json()["code"]) == (404, 404)
    assert get(shop, f"{path}x").status_code == 400
    assert get(shop, f"/api-3{path}1").status_code == 404
    assert shop.stats()["buckets"]["other"]["requests"] == 62


def test_lookups_meet_budgets_credentials_and_faults(open_shop: OpenShop) -> None:
    shop = open_shop(fail_next=["503"])
    path = f"/api/v1/commission/estimate/{shop.world.offer_ids()[0]}"
    assert get(shop, path).status_code == 503
    url = shop.url.removesuffix("/api-3") + path
    assert requests.get(url, timeout=60).status_code == 403
    assert requests.post(url, auth=("demo", "demo"), timeout=60).status_code == 404
    shop.set(limits=True)
    assert [get(shop, path).status_code for _ in range(6)][-1] == 429


@pytest.mark.parametrize(
    "name",
    [
        "returns",
        "awbs",
        "categories",
        "localities",
        "vat_rates",
        "handling_times",
        "courier_accounts",
        "addresses",
        "awb_packages",
        "order_volumetry",
        "invoice_categories",
        "invoices",
        "customer_invoices",
        "commissions",
        "smart_deals",
    ],
)
def test_the_truth_of_all_is_told_by_name(shop: Sandbox, name: str) -> None:
    lines = get(shop, f"/_sandbox/truth/{name}").text.splitlines()
    singles: dict[str, Callable[[], list[Any]]] = {
        "awb_packages": shop.world.packages,
        "order_volumetry": shop.world.order_keys,
        "awbs": shop.world.reservation_ids,
        "commissions": shop.world.offer_ids,
        "smart_deals": shop.world.offer_ids,
    }
    expected = singles[name]() if name in singles else truth_of(shop, name)
    assert len(lines) == len(expected) > 0
    assert get(shop, "/_sandbox/truth/nothing").status_code == 404


def test_returns_and_places_change_on_request(shop: Sandbox) -> None:
    root = shop.url.removesuffix("/api-3")
    asked = {"returns": 1, "new_returns": 3, "close_returns": 2, "localities": 4}
    told = requests.post(f"{root}/_sandbox/change", json=asked, timeout=60).json()
    assert {name: len(keys) for name, keys in told.items()} == asked
    assert not set(told["close_returns"]) & set(shop.world.open_return_ids())


def test_two_sandboxes_of_a_seed_agree_on_all_of_it(open_shop: OpenShop, ask: Ask) -> None:
    shops = [open_shop(unknown_keys=True, invoice_envelope="mixed") for _ in range(2)]
    names = "rma category vat handling_time locality courier_accounts addresses invoice"
    for shop in shops:
        shop.world.touch_returns(2)
        shop.clock.advance(timedelta(days=1).total_seconds())
    for name in [*names.split(), "customer-invoice"]:
        one, other = (ask(shop, f"{name}/read").content for shop in shops)
        assert one == other
