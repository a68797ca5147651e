"""The resources the sandbox answers. A further one is a file here and a line below."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_emag.sandbox.resources.addresses import Addresses
from tap_emag.sandbox.resources.awb import Awbs
from tap_emag.sandbox.resources.category import Categories
from tap_emag.sandbox.resources.commission import Commissions
from tap_emag.sandbox.resources.courier_accounts import CourierAccounts
from tap_emag.sandbox.resources.customer_invoice import CustomerInvoices
from tap_emag.sandbox.resources.handling_time import HandlingTimes
from tap_emag.sandbox.resources.invoice import Invoices
from tap_emag.sandbox.resources.locality import Localities
from tap_emag.sandbox.resources.order import Orders
from tap_emag.sandbox.resources.product_offer import ProductOffers
from tap_emag.sandbox.resources.rma import Returns
from tap_emag.sandbox.resources.smart_deals import SmartDeals
from tap_emag.sandbox.resources.vat import VatRates

if TYPE_CHECKING:
    from tap_emag.sandbox.resources.base import Lookup, Resource


def resources() -> tuple[Resource, ...]:
    """Every resource that is asked by POST."""
    return (
        Orders(),
        ProductOffers(),
        Returns(),
        Awbs(),
        Categories(),
        VatRates(),
        HandlingTimes(),
        Localities(),
        CourierAccounts(),
        Addresses(),
        Invoices(),
        CustomerInvoices(),
    )


def lookups() -> tuple[Lookup, ...]:
    """Everything that is asked by GET."""
    return (SmartDeals(), Commissions())
