"""What is done with a version of a mail's words: put to use again."""

from flask import Response, url_for

from insurance.blueprints.message_templates import bp, crumbs_of
from insurance.core import clock
from insurance.core.db import db
from insurance.message_templates import queries, services
from insurance.message_templates.kinds import language_of
from insurance.message_templates.permissions import MessageTemplatesMay
from insurance.web.access import requires
from insurance.web.acts import Act, act_screen
from insurance.web.forms import Form, VersionField


class UseForm(Form):
    """A press on the button, for the state that was seen."""

    version = VersionField()


@bp.route("/<kind>/<language>/versions/<int:number>/use", methods=["GET", "POST"])
@requires(MessageTemplatesMay.MANAGE)
def use(kind: str, language: str, number: int) -> Response:
    """Ask, then let a version count from the next mail on."""
    spoken, session = language_of(kind, language), db.session()
    queries.get_wording(session, kind, spoken, number)
    form = UseForm(data={"version": queries.get_template(session, kind, spoken).version})
    name = f"version {number}" if number else "the built-in text"
    act = Act(
        f"Use {name}",
        "Use it",
        url_for(".show", kind=kind, language=language),
        crumbs_of(kind, spoken),
        says="It counts from the next mail on. Mail that was sent stays as it is, and so does every"
        " version.",
        leave="Cancel",
    )
    return act_screen(
        act,
        form,
        lambda: services.use_version(
            kind, spoken, number, version=form.version.data or 0, now=clock.now()
        ),
        f"{name[:1].upper()}{name[1:]} is in use, from the next mail on.",
    )
