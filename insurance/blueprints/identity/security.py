"""One's own security: second factor, browsers, password, preferences."""

import segno
from flask import Response, flash, request, session, url_for
from wtforms import PasswordField, SelectField

from insurance.blueprints.identity import bp
from insurance.core import clock
from insurance.core.db import db
from insurance.core.errors import DomainError
from insurance.identity import queries, services
from insurance.web.access import current_person, signed_in
from insurance.web.forms import Form, Required, TextField
from insurance.web.html import leave, page, refuse, safe_path
from insurance.web.sessions import ServerSession, hash_of

__all__ = ["bp"]


class PreferencesForm(Form):
    """How the screens look and listen."""

    theme = SelectField(
        "Theme", choices=[("", "As the system"), ("light", "Light"), ("dark", "Dark")]
    )
    density = SelectField("Rows", choices=[("", "Dense"), ("roomy", "Roomy")])
    keys = SelectField("Single-letter shortcuts", choices=[("", "On"), ("off", "Off")])


class PasswordForm(Form):
    """The old and the new password."""

    old = PasswordField(
        "Password today", [Required()], render_kw={"autocomplete": "current-password"}
    )
    password = PasswordField(
        "New password", [Required()], render_kw={"autocomplete": "new-password"}
    )


class MfaForm(Form):
    """The code that proves the app has the secret."""

    code = TextField(
        "Code from the app",
        [Required()],
        render_kw={"autocomplete": "one-time-code", "inputmode": "numeric"},
    )


@bp.route("/security", methods=["GET", "POST"])
@signed_in
def security() -> Response:
    """Show one's browsers and change the password."""
    person = current_person()
    form = PasswordForm()
    if form.validate_on_submit():
        try:
            services.change_password(
                person.id,
                old=form.old.data,
                new=form.password.data,
                keep_session=_this_browser(),
                now=clock.now(),
            )
        except DomainError as error:
            refuse(form, error)
        else:
            flash("Your password was changed. Other browsers were signed out.")
            return leave(url_for("identity.security"))
    return page(
        "identity/security.html",
        status=form.status,
        form=form,
        preferences_form=PreferencesForm(formdata=None, data=person.preferences),
        sessions=queries.list_sessions(db.session(), person.id, clock.now()),
        this_browser=_this_browser(),
    )


@bp.route("/preferences", methods=["POST"])
@signed_in
def preferences() -> Response:
    """Store how the person likes the screens."""
    form = PreferencesForm()
    if form.validate_on_submit():
        chosen = {name: form[name].data or "" for name in ("theme", "density", "keys")}
        services.set_preferences(current_person().id, chosen)
        flash("Preferences saved.")
    return leave(url_for("identity.security"))


@bp.route("/theme", methods=["POST"])
@signed_in
def switch_theme() -> Response:
    """Switch between light and dark."""
    person = current_person()
    theme = "light" if person.preferences.get("theme") == "dark" else "dark"
    services.set_preferences(person.id, {"theme": theme})
    return leave(safe_path(request.form.get("next")))


@bp.route("/security/sign-out-everywhere", methods=["POST"])
@signed_in
def sign_out_everywhere() -> Response:
    """End every other browser and API sign-in."""
    services.sign_out_everywhere(
        current_person().id, keep_session=_this_browser(), now=clock.now()
    )
    flash("Every other browser was signed out.")
    return leave(url_for("identity.security"))


@bp.route("/security/second-factor", methods=["GET", "POST"])
@signed_in
def set_up_mfa() -> Response:
    """Set up an authenticator app and show the recovery codes once."""
    person = current_person()
    form = MfaForm()
    secret = session.setdefault("totp_secret", services.new_totp_secret())
    if form.validate_on_submit():
        try:
            codes = services.enable_mfa(person.id, secret, form.code.data, now=clock.now())
        except DomainError as error:
            refuse(form, error)
        else:
            session.pop("totp_secret")
            return page("identity/recovery_codes.html", codes=codes)
    return page(
        "identity/set_up_mfa.html",
        status=form.status,
        form=form,
        secret=secret,
        picture=_qr_code(services.totp_address(secret, person.email)),
    )


def _qr_code(text: str) -> str:
    """Return a QR code as a data: address, which the content policy allows for images."""
    return segno.make(text, error="m").svg_data_uri(scale=5, border=2, light="#fff")


def _this_browser() -> bytes | None:
    current = session._get_current_object()  # type: ignore[attr-defined]
    return hash_of(current.identifier) if isinstance(current, ServerSession) else None
