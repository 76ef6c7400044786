"""Debit orders on screen: runs, their items and file, mandates, holidays."""

from insurance.web.access import tenant_blueprint

bp = tenant_blueprint("debit_orders", __name__, "/debit-orders")

from insurance.blueprints.debit_orders import (  # noqa: E402, F401
    holidays,
    index,
    mandates,
    prepare,
    show,
)
