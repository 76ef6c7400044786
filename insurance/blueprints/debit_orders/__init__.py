"""Debit orders on screen: runs, their items and file, mandates, holidays."""

from insurance.debit_orders.permissions import DebitOrdersMay
from insurance.web.access import tenant_blueprint
from insurance.web.navigation import RailEntry

bp = tenant_blueprint("debit_orders", __name__, "/debit-orders")
RAIL = (
    RailEntry(
        "Debit orders",
        "debit_orders.index",
        DebitOrdersMay.VIEW,
        "calendar",
        group="Money",
        place=20,
        works=(DebitOrdersMay.EDIT,),
    ),
)
