"""Screens of claims."""

from insurance.web.access import tenant_blueprint

bp = tenant_blueprint("claims", __name__, "/claims")

from insurance.blueprints.claims import (  # noqa: E402, F401
    act,
    authority,
    create,
    decide,
    documents,
    index,
    loss_ratio,
    pay,
    payees,
    reports,
    settings,
    show,
)
