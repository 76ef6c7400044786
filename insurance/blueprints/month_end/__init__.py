"""Month-end on screen: runs, their plan, progress and result; index tables and escalation."""

from insurance.web.access import tenant_blueprint

bp = tenant_blueprint("month_end", __name__, "/month-end")

from insurance.blueprints.month_end import (  # noqa: E402, F401
    create,
    decide,
    effects,
    escalations,
    holders,
    index,
    live,
    settings,
    show,
)
