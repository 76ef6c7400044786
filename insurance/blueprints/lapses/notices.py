"""Recording that the notice of non-payment went by letter, where there is no e-mail address."""

from uuid import UUID

from flask import Response, url_for

from insurance.blueprints.lapses import bp
from insurance.blueprints.lapses.standing import standing_of
from insurance.core import clock
from insurance.core.errors import DomainError
from insurance.core.permissions import May
from insurance.lapses import services
from insurance.web.access import requires
from insurance.web.business import business_day
from insurance.web.forms import DayField, Form, Required, TextField
from insurance.web.html import go, page, refuse


class NoticeForm(Form):
    """Whom it went to, and when."""

    recipient = TextField("Sent to", [Required()])
    sent_on = DayField("Sent on", [Required()])


@bp.route("/notices/<uuid:policy_id>/new", methods=["GET", "POST"])
@requires(May.LAPSES_HOLD)
def record_notice(policy_id: UUID) -> Response:
    """Record a letter as proof that the holder was told of the premium unpaid."""
    on = business_day()
    form = NoticeForm()
    status = 200
    if form.validate_on_submit():
        try:
            services.record_notice(
                policy_id,
                recipient=form.recipient.data or "",
                sent_on=form.sent_on.data or on,
                on=on,
                now=clock.now(),
            )
        except DomainError as error:
            refuse(form, error)
            status = error.status
        else:
            return go(url_for(".policy", policy_id=policy_id), "The notice was recorded.")
    return page(
        "lapses/notice.html",
        part="notice_form",
        status=status if status != 200 else form.status,
        form=form,
        standing=standing_of(policy_id, on),
    )
