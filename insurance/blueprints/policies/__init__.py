"""Policies on screen."""

from insurance.web.access import tenant_blueprint

bp = tenant_blueprint("policies", __name__, "/policies")

from insurance.blueprints.policies import (  # noqa: E402, F401
    cancel,
    change_object,
    endorse,
    give_up,
    index,
    lapse,
    pay,
    refund,
    reinstate,
    set_aside,
    show,
    suspend,
    term,
)
