"""The notice of non-payment: sent by e-mail now, or recorded as a letter with its evidence."""

from typing import Any
from uuid import UUID

from flask import Response, request, url_for
from flask_wtf.file import FileField

from insurance.blueprints.lapses import bp
from insurance.blueprints.lapses.standing import on_standing, standing_of
from insurance.core import clock
from insurance.core.errors import DomainError
from insurance.core.files import MAX_FILE
from insurance.lapses import services
from insurance.lapses.permissions import LapsesMay
from insurance.lapses.rules import NOTICE_DAYS
from insurance.web.access import requires
from insurance.web.acts import act_screen
from insurance.web.business import business_day
from insurance.web.documents import send_notice_file
from insurance.web.filters import day
from insurance.web.forms import DayField, Form, Required, SureForm, TextField
from insurance.web.html import go, page, refuse


class NoticeForm(Form):
    """Whom it went to, and when."""

    recipient = TextField("Sent to", [Required()])
    sent_on = DayField("Sent on", [Required()])
    registered_number = TextField("Registered-mail number", longest=60)
    file = FileField("The letter or its slip")


@bp.app_url_value_preprocessor
def _allow_large_files(endpoint: str | None, _values: dict[str, Any] | None) -> None:
    # Before anything reads the form; every other screen keeps the application's limit.
    if endpoint == "lapses.record_notice":
        request.max_content_length = MAX_FILE + 1024 * 1024


@bp.route("/notices/<uuid:policy_id>/new", methods=["GET", "POST"])
@requires(LapsesMay.HOLD)
def record_notice(policy_id: UUID) -> Response:
    """Record a letter as proof that the holder was told of the premium unpaid."""
    on = business_day()
    form = NoticeForm()
    if form.validate_on_submit():
        try:
            services.record_notice(
                policy_id,
                recipient=form.recipient.data or "",
                sent_on=form.sent_on.data or on,
                registered_number=form.registered_number.data or "",
                letter=_letter(form),
                on=on,
                now=clock.now(),
            )
        except DomainError as error:
            refuse(form, error)
        else:
            return go(url_for(".policy", policy_id=policy_id), "The notice was recorded.")
    return page(
        "lapses/notice.html",
        status=form.status,
        form=form,
        standing=standing_of(policy_id, on),
    )


def _letter(form: NoticeForm) -> services.NoticeLetter | None:
    sent = form.file.data
    return services.NoticeLetter(sent.filename, sent.read()) if sent and sent.filename else None


@bp.route("/notices/<uuid:policy_id>/send", methods=["GET", "POST"])
@requires(LapsesMay.HOLD)
def send_notice(policy_id: UUID) -> Response:
    """Say what a notice sent today does, and send it by e-mail."""
    on = business_day()
    standing = standing_of(policy_id, on)
    unpaid, address = standing.forecast.oldest_unpaid, standing.policy.customer_email
    act = on_standing(
        standing,
        "Send a notice for",
        "Send notice",
        says=f"The notice of non-payment for the premium due on {day(unpaid)} goes to"
        f" {address or 'nobody: the holder has no e-mail address'} today. It is proof once the mail"
        f" has left. Sent more than {NOTICE_DAYS} days after the due date, it lets grace run from"
        " its day where the law wants a notice.",
        stops="" if unpaid else "Nothing is owed today, so there is nothing to tell.",
    )
    return act_screen(
        act,
        SureForm(),
        lambda: services.send_notice(policy_id, on=on),
        "The notice is on its way.",
    )


@bp.route("/notices/<uuid:policy_id>/<uuid:notice_id>/file")
@requires(LapsesMay.VIEW)
def notice_file(policy_id: UUID, notice_id: UUID) -> Response:
    """Give out the file of a letter."""
    return send_notice_file(policy_id, notice_id)
