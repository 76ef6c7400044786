"""The launch of a draft, with every check that must hold."""

from collections.abc import Sequence
from uuid import UUID

from flask import Response, url_for
from markupsafe import Markup

from insurance.approvals.models import ApprovalRequest
from insurance.approvals.permissions import ApprovalsMay
from insurance.blueprints.products import bp
from insurance.blueprints.products.forms import VersionField, on_product
from insurance.core import clock
from insurance.core.context import current_actor
from insurance.core.db import db
from insurance.core.errors import ConflictError
from insurance.organizations.queries import get_organization
from insurance.products import queries, services
from insurance.products.models import ProductVersion
from insurance.products.permissions import ProductsMay
from insurance.products.rules import LaunchCheck
from insurance.web.access import requires
from insurance.web.acts import act_screen
from insurance.web.business import business_day
from insurance.web.forms import Form, reason_field


class LaunchForm(Form):
    """The version that the person looked at."""

    version = VersionField()


class AskForm(LaunchForm):
    """Why, for the second person."""

    reason = reason_field("What is new, for the person who decides.", label="Why")


@bp.route("/<uuid:product_id>/launch", methods=["GET", "POST"])
@requires(ProductsMay.LAUNCH)
def launch(product_id: UUID) -> Response:
    """Show the checklist; sell the draft from now on, or ask a second person, once it holds."""
    session = db.session()
    product = queries.get_product(session, product_id)
    draft = queries.find_draft(session, product_id)
    if draft is None:
        raise ConflictError("There is no draft to launch.")
    checks = queries.launch_checklist(session, draft, business_day())
    by_two = get_organization(session).launch_needs_second_person
    form = (AskForm if by_two else LaunchForm)(data={"version": product.version})
    act = on_product(
        product,
        f"Launch version {draft.number} of {product.name}",
        f"{'Ask for the launch of' if by_two else 'Launch'} version {draft.number}",
        back=url_for(".show", product_id=product_id, version=draft.number),
        says=_effect(draft, queries.find_launched(session, product_id), by_two=by_two),
        stops=_failing(checks) or _waiting(services.find_waiting_launch(session, product)),
        leave="Back to the draft",
    )
    return act_screen(
        act,
        form,
        lambda: services.launch_product(
            product_id,
            version=form.version.data,
            reason=form.data.get("reason") or "",
            now=clock.now(),
        ),
        lambda _launched: _done(product_id, draft.number),
        then=url_for(".show", product_id=product_id),
        template="products/launch.html",
        checks=checks,
        mend=places_to_mend(product_id),
    )


def places_to_mend(product_id: UUID) -> dict[str, str]:
    """Return where each check of a draft that fails is mended: the field, or the form."""
    edit, benefit = (
        url_for(".edit", product_id=product_id),
        url_for(".add_benefit", product_id=product_id),
    )
    return {
        "benefits": benefit,
        "headline": f"{edit}#coverage_amount",
        "rates": f"{edit}#pricing_method",
        "class": f"{edit}#class_code",
        "payments": f"{edit}#quarterly_loading",
        "benefit_types": url_for(".show", product_id=product_id, _anchor="benefits-title"),
        "waiting": f"{edit}#waiting_period_days",
        "limits": f"{edit}#min_entry_age",
    }


def _effect(draft: ProductVersion, launched: ProductVersion | None, *, by_two: bool) -> str:
    effect = "The product can be quoted from then on."
    if launched is not None:
        effect = (
            f"Version {launched.number} will be superseded: new quotes are priced on version"
            f" {draft.number}, and quotes already made keep their price until they expire. Policies"
            " do not change."
        )
    two = (
        " Two people launch a product here. You ask; somebody who did not work on the draft or its"
        " rates agrees. A change of the draft until then makes the request void."
    )
    return f"{effect} A launched version cannot be changed.{two if by_two else ''}"


def _failing(checks: Sequence[LaunchCheck]) -> str:
    failing = sum(not check.holds for check in checks)
    if not failing:
        return ""
    return f"{failing} of {len(checks)} checks do not hold. Mend them before the launch."


def _waiting(request: ApprovalRequest | None) -> str:
    if request is None:
        return ""
    asked = f"{request.requested_by_email} asked for this launch. It waits for a second person"
    if not current_actor().may(ApprovalsMay.VIEW):
        return f"{asked}."
    url = url_for("approvals.show", approval_id=request.id)
    return Markup('{}: <a href="{}">see the request</a>.').format(asked, url)


def _done(product_id: UUID, number: int) -> str:
    session = db.session()
    product = queries.get_product(session, product_id)
    if services.find_waiting_launch(session, product) is not None:
        return f"You asked for the launch of version {number} of {product.name}."
    return f"Version {number} of {product.name} is launched and can be quoted."
