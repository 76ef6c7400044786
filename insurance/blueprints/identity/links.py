"""What mailed links lead to: a first password, a new password."""

from flask import Response, flash, url_for
from wtforms import PasswordField

from insurance.blueprints.identity import bp
from insurance.blueprints.identity.sign_in import enter
from insurance.core import clock
from insurance.core.errors import DomainError, NotFoundError
from insurance.identity import services
from insurance.identity.models import LinkKind
from insurance.web.access import public
from insurance.web.forms import Form, Required, TextField
from insurance.web.html import leave, page, refuse
from insurance.web.limits import limiter

__all__ = ["bp"]


class ForgottenForm(Form):
    """Whose password was forgotten."""

    email = TextField("E-mail address", [Required()], render_kw={"autocomplete": "username"})


class NewPasswordForm(Form):
    """The password wanted."""

    password = PasswordField(
        "New password", [Required()], render_kw={"autocomplete": "new-password"}
    )


class AcceptForm(Form):
    """Nothing but the wish to accept."""


@bp.route("/forgotten", methods=["GET", "POST"])
@public
@limiter.limit("5 per minute; 20 per hour", methods=["POST"])
def forgotten() -> Response:
    """Ask for a link to choose a new password. The answer is alike for every address."""
    form = ForgottenForm()
    if form.validate_on_submit():
        services.ask_for_reset(form.email.data)
        flash("If the address is known here, a mail with a link is on its way.")
        return leave(url_for("identity.sign_in"))
    return page("identity/forgotten.html", status=form.status, form=form)


@bp.route("/new-password/<token>", methods=["GET", "POST"])
@public
@limiter.limit("20 per minute", methods=["POST"])
def reset_password(token: str) -> Response:
    """Choose a new password by a mailed link."""
    return _choose_password(token, LinkKind.PASSWORD_RESET, "Choose a new password")


@bp.route("/welcome/<token>", methods=["GET", "POST"])
@public
@limiter.limit("20 per minute", methods=["POST"])
def accept_invitation(token: str) -> Response:
    """Accept an invitation: by choosing the first password, or with the login one has."""
    try:
        invitation = services.find_invitation(token, now=clock.now())
    except NotFoundError:
        return page("identity/dead_link.html", status=404, is_invitation=True)
    if invitation.is_new:
        return _choose_password(token, LinkKind.INVITATION, "Welcome")
    form = AcceptForm()
    if form.validate_on_submit():
        services.accept_invitation(token, now=clock.now())
        flash(f"You belong to {invitation.organization} now. Sign in to open it.")
        return leave(url_for("identity.sign_in"))
    return page("identity/accept_invitation.html", form=form, invitation=invitation)


def _choose_password(token: str, kind: LinkKind, title: str) -> Response:
    form = NewPasswordForm()
    try:
        user = services.find_link_user(token, kind, now=clock.now())
        if form.validate_on_submit():
            services.use_link(token, kind, password=form.password.data or "", now=clock.now())
            if kind is LinkKind.INVITATION:
                # The link came to the address and the password is new: asking again proves nothing.
                return enter(user.id, services.home_of(user.id), "/")
            flash("Your password is set. Sign in with it.")
            return leave(url_for("identity.sign_in"))
    except NotFoundError:
        is_invitation = kind is LinkKind.INVITATION
        return page("identity/dead_link.html", status=404, is_invitation=is_invitation)
    except DomainError as error:
        refuse(form, error)
    return page("identity/new_password.html", status=form.status, form=form, title=title, user=user)
