"""Who may approve and pay how much: the table, and the level of each colleague."""

from uuid import UUID

from flask import Response, url_for

from insurance.blueprints.claims import bp
from insurance.claims import queries, services
from insurance.claims.permissions import ClaimsMay
from insurance.claims.rules import Authority, Limits
from insurance.core import clock
from insurance.core.db import db
from insurance.core.errors import DomainError, NotFoundError
from insurance.core.money import ZERO
from insurance.identity.permissions import PeopleMay
from insurance.identity.queries import Colleague, list_colleagues
from insurance.organizations.permissions import SettingsMay
from insurance.web.access import requires
from insurance.web.acts import Act, act_screen
from insurance.web.filters import words
from insurance.web.forms import ChoiceField, Form, MoneyField, Required, VersionField
from insurance.web.html import go, page, refuse

_LEVELS = [(str(level), f"Level {level}") for level in range(1, 6)]


class LimitForm(Form):
    """What a role at a level may approve or pay."""

    transaction_limit = MoneyField("At once", [Required()])
    benefit_limit = MoneyField("Of one benefit", [Required()])
    claim_limit = MoneyField("Of one claim", [Required()])
    version = VersionField()


class LevelForm(Form):
    """The level of a colleague."""

    user_id = ChoiceField("Colleague", [Required()])
    colleague_level = ChoiceField("Level", [Required()], choices=_LEVELS)


@bp.route("/authority")
@requires(ClaimsMay.VIEW)
def authority() -> Response:
    """Show the limits of every role and level."""
    return _page(_level_form())


@bp.route("/authority/limit/<role>/<int:level>", methods=["GET", "POST"])
@requires(SettingsMay.EDIT)
def set_limit(role: str, level: int) -> Response:
    """Set the limits of a role at a level."""
    stands = queries.authority_table(db.session()).get(Authority(role, level))
    if stands is None:
        raise NotFoundError
    form = LimitForm(
        data={
            "transaction_limit": stands.transaction,
            "benefit_limit": stands.benefit,
            "claim_limit": stands.claim,
            "version": services.limits_version(stands),
        }
    )
    back = url_for(".authority")
    crumbs = [("Claims", url_for(".index")), ("Authority on claims", back)]
    return act_screen(
        Act(f"Limits of {words(role).lower()}, level {level}", "Set limits", back, crumbs),
        form,
        lambda: services.set_limit(
            role=role,
            level=level,
            limits=Limits(
                form.transaction_limit.data or ZERO,
                form.benefit_limit.data or ZERO,
                form.claim_limit.data or ZERO,
            ),
            version=form.version.data,
            now=clock.now(),
        ),
        "The limits were set.",
    )


@bp.route("/authority/level", methods=["GET", "POST"])
@requires(PeopleMay.MANAGE)
def set_level() -> Response:
    """Put a colleague at a level."""
    form = _level_form()
    if form.validate_on_submit():
        try:
            services.set_level(UUID(form.user_id.data), int(form.colleague_level.data))
        except DomainError as error:
            refuse(form, error)
        else:
            return go(url_for(".authority"), "The level was set.")
    return _page(form, form.status)


def _level_form() -> LevelForm:
    form = LevelForm()
    form.user_id.choices = [
        (str(one.user.id), f"{one.name}, {words(', '.join(one.roles)).lower()}")
        for one in _people()
    ]
    return form


def _people() -> list[Colleague]:
    """Return the colleagues who assess or pay."""
    return [
        item
        for item in list_colleagues(db.session(), limit=500, accepted_only=True).items
        if item.may(ClaimsMay.ASSESS) or item.may(ClaimsMay.PAY)
    ]


def _page(level_form: LevelForm, status: int = 200) -> Response:
    session = db.session()
    levels = queries.list_levels(session)
    return page(
        "claims/authority.html",
        status=status,
        level_form=level_form,
        table=queries.authority_table(session),
        people=[(person, levels.get(person.user.id, 1)) for person in _people()],
    )
