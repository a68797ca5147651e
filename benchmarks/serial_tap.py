"""A plain tap for the same orders, as in the SDK's guide: one page after the other.

It uses the SDK's defaults and no code of `tap-emag`, so that the two can be compared.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, ClassVar
from zoneinfo import ZoneInfo

from singer_sdk import RESTStream, Tap
from singer_sdk import typing as th
from singer_sdk.authenticators import BasicAuthenticator
from singer_sdk.pagination import PageNumberPaginator
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Sequence

    import requests
    from singer_sdk.helpers.types import Context

PAGE_SIZE = 100
WALL = ZoneInfo("Europe/Bucharest")
LOOK_BACK = timedelta(hours=1)
ANY = th.CustomType({"type": ["string", "integer", "number", "boolean", "object", "array", "null"]})
THINGS = th.CustomType({"type": ["array", "object", "null"]})
PLAIN = """status date created payment_mode payment_mode_id payment_status delivery_mode
    delivery_payment_mode shipping_tax cashed_co cashed_cod refunded_amount refund_status
    is_complete is_storno parent_id observation cancellation_request cancellation_reason
    maximum_date_for_shipment finalization_date late_shipment emag_club weekend_delivery
    has_editable_products customer details"""
NESTED = """products attachments vouchers shipping_tax_voucher_split flags
    enforced_vendor_courier_accounts"""


class Pages(PageNumberPaginator):
    """Goes on until a page is not full."""

    @override
    def has_more(self, response: requests.Response) -> bool:
        return len(response.json()["results"]) == PAGE_SIZE


class Orders(RESTStream[int]):
    """Orders since the bookmark, one type after the other."""

    name = "orders"
    path = "/order/read"
    http_method = "POST"
    primary_keys: ClassVar[list[str]] = ["type", "id"]
    replication_key = "modified"
    records_jsonpath = "$.results[*]"
    partitions: ClassVar[list[dict[str, int]]] = [{"type": 3}, {"type": 2}]
    schema = th.PropertiesList(
        th.Property("id", ANY, required=True),
        th.Property("type", ANY, required=True),
        th.Property("modified", th.DateTimeType),
        *(th.Property(name, ANY) for name in PLAIN.split()),
        *(th.Property(name, THINGS) for name in NESTED.split()),
    ).to_dict()

    @property
    @override
    def url_base(self) -> str:
        return str(self.config["api_url"])

    @property
    @override
    def authenticator(self) -> BasicAuthenticator:
        return BasicAuthenticator(
            username=self.config["username"], password=self.config["password"]
        )

    @override
    def get_new_paginator(self) -> Pages:
        return Pages(1)

    @override
    def post_process(self, row: dict[str, Any], context: Context | None = None) -> dict[str, Any]:
        local = datetime.fromisoformat(row["modified"]).replace(tzinfo=WALL)
        return row | {"modified": local.astimezone(timezone.utc).isoformat()}

    @override
    def prepare_request_payload(
        self, context: Context | None, next_page_token: int | None
    ) -> dict[str, Any]:
        payload = {
            "type": (context or {})["type"],
            "currentPage": next_page_token or 1,
            "itemsPerPage": PAGE_SIZE,
        }
        since = self.get_starting_timestamp(context)
        if since:
            local = (since - LOOK_BACK).astimezone(WALL)
            payload["modifiedAfter"] = local.strftime("%Y-%m-%d %H:%M:%S")
        return payload


class SerialTap(Tap):
    """The plain tap."""

    name = "serial-tap"
    config_jsonschema = th.PropertiesList(
        th.Property("username", th.StringType, required=True),
        th.Property("password", th.StringType, required=True, secret=True),
        th.Property("api_url", th.StringType, required=True),
        th.Property("start_date", th.DateTimeType),
    ).to_dict()

    @override
    def discover_streams(self) -> Sequence[Orders]:
        return [Orders(self)]


if __name__ == "__main__":
    SerialTap.cli()
