"""The resources the sandbox answers: a file each; short lists share `short_lists`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emag_sandbox.api.resources.attachments import Attachments
from emag_sandbox.api.resources.awb import Awbs
from emag_sandbox.api.resources.category import Categories
from emag_sandbox.api.resources.commission import Commissions
from emag_sandbox.api.resources.customer_invoice import CustomerInvoices
from emag_sandbox.api.resources.find_by_eans import FindByEans
from emag_sandbox.api.resources.invoice import Invoices
from emag_sandbox.api.resources.locality import Localities
from emag_sandbox.api.resources.order import Orders
from emag_sandbox.api.resources.package import Packages
from emag_sandbox.api.resources.product_offer import ProductOffers
from emag_sandbox.api.resources.rma import Returns
from emag_sandbox.api.resources.short_lists import SHORT_LISTS
from emag_sandbox.api.resources.smart_deals import SmartDeals
from emag_sandbox.api.resources.volumetry import Volumetry

if TYPE_CHECKING:
    from emag_sandbox.api.resources.base import Lookup, Resource


def resources() -> tuple[Resource, ...]:
    """Every resource that is asked by POST."""
    return (
        Orders(),
        Volumetry(),
        Attachments(),
        ProductOffers(),
        Returns(),
        Awbs(),
        Packages(),
        Categories(),
        *SHORT_LISTS,
        Localities(),
        Invoices(),
        CustomerInvoices(),
    )


def lookups() -> tuple[Lookup, ...]:
    """Everything that is asked by GET."""
    return (SmartDeals(), Commissions(), FindByEans())
