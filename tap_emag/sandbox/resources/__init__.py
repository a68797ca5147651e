"""The resources the sandbox answers. A further one is a file here and a line below."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_emag.sandbox.resources.order import Orders
from tap_emag.sandbox.resources.product_offer import ProductOffers

if TYPE_CHECKING:
    from tap_emag.sandbox.resources.base import Resource


def resources() -> tuple[Resource, ...]:
    """Every resource."""
    return (Orders(), ProductOffers())
