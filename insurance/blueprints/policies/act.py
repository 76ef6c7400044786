"""How a term ends: never taken up, expired, or renewed for the next one."""

from collections.abc import Callable
from uuid import UUID

from flask import Response, url_for
from wtforms import TextAreaField

from insurance.blueprints.policies import bp
from insurance.core import clock
from insurance.core.db import db
from insurance.core.errors import DomainError
from insurance.policies import queries, services
from insurance.policies.permissions import PoliciesMay
from insurance.policies.services import LifecycleOutcome
from insurance.web.access import requires
from insurance.web.business import business_day
from insurance.web.forms import Form, Required, TextField
from insurance.web.html import go, page, refuse


class ReasonForm(Form):
    """Why."""

    reason = TextField("Reason", [Required()], longest=500, widget=TextAreaField.widget)


class SureForm(Form):
    """A press on the button."""


@bp.route("/<uuid:policy_id>/not-taken-up", methods=["GET", "POST"])
@requires(PoliciesMay.LIFECYCLE)
def not_taken_up(policy_id: UUID) -> Response:
    """End a policy whose first premium was never paid."""
    form = ReasonForm()

    def act() -> LifecycleOutcome:
        return services.mark_not_taken_up(
            policy_id, reason=form.reason.data or "", on=business_day(), now=clock.now()
        )

    return _ask("policies/not_taken_up.html", policy_id, form, act, "was not taken up")


@bp.route("/<uuid:policy_id>/expire", methods=["GET", "POST"])
@requires(PoliciesMay.LIFECYCLE)
def expire(policy_id: UUID) -> Response:
    """End a policy whose term is over."""

    def act() -> LifecycleOutcome:
        return services.expire_policy(policy_id, on=business_day(), now=clock.now())

    return _ask("policies/expire.html", policy_id, SureForm(), act, "expired")


@bp.route("/<uuid:policy_id>/renew", methods=["GET", "POST"])
@requires(PoliciesMay.LIFECYCLE)
def renew(policy_id: UUID) -> Response:
    """Give a non-life policy its next term."""

    def act() -> LifecycleOutcome:
        return services.renew_policy(policy_id, on=business_day(), now=clock.now())

    return _ask("policies/renew.html", policy_id, SureForm(), act, "was renewed")


def _ask(
    template: str, policy_id: UUID, form: Form, act: Callable[[], LifecycleOutcome], done: str
) -> Response:
    line = queries.get_policy_line(db.session(), policy_id)
    if form.validate_on_submit():
        try:
            act()
        except DomainError as error:
            refuse(form, error)
        else:
            return go(url_for(".show", policy_id=policy_id), f"{line.policy.policy_number} {done}.")
    return page(
        template,
        part="term_form",
        status=form.status,
        form=form,
        policy=line.policy,
    )
