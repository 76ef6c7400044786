"""One's own security: browsers, password, preferences."""

from flask import Response, flash, request, url_for
from wtforms import PasswordField, SelectField

from insurance.blueprints.identity import bp
from insurance.core import clock
from insurance.core.db import db
from insurance.core.errors import DomainError, NotFoundError
from insurance.identity import queries, services
from insurance.identity.rules import browser_name
from insurance.web.access import current_person, signed_in
from insurance.web.forms import Form, Required
from insurance.web.html import leave, page, refuse, safe_path
from insurance.web.sessions import this_session

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
        "Your password now", [Required()], render_kw={"autocomplete": "current-password"}
    )
    password = PasswordField(
        "New password", [Required()], render_kw={"autocomplete": "new-password"}
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
                old=form.old.data or "",
                new=form.password.data or "",
                keep_session=this_session().id_hash,
                now=clock.now(),
            )
        except DomainError as error:
            refuse(form, error)
        else:
            this_session().renew()
            flash("Your password was changed. Other browsers were signed out.")
            return leave(url_for("identity.security"))
    return page(
        "identity/security.html",
        status=form.status,
        form=form,
        preferences_form=PreferencesForm(formdata=None, data=person.preferences),
        sessions=queries.list_sessions(db.session(), person.id, clock.now()),
        this_browser=this_session().id_hash,
        browser_name=browser_name,
        must_have_mfa=[tenant.name for tenant in person.tenants if tenant.requires_mfa],
    )


@bp.route("/preferences", methods=["GET", "POST"])
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
    """Switch between light and dark, or to the one that is asked for."""
    person, theme = current_person(), request.form.get("theme")
    if theme not in ("light", "dark"):
        theme = "light" if person.preferences.get("theme") == "dark" else "dark"
    services.set_preferences(person.id, {"theme": theme})
    return leave(safe_path(request.form.get("next")))


@bp.route("/security/sign-out-everywhere", methods=["POST"])
@signed_in
def sign_out_everywhere() -> Response:
    """End every other browser and API sign-in."""
    services.sign_out_everywhere(
        current_person().id, keep_session=this_session().id_hash, now=clock.now()
    )
    flash("Every other browser and API sign-in was ended.")
    return leave(url_for("identity.security"))


@bp.route("/security/browsers/<handle>/end", methods=["POST"])
@signed_in
def end_session(handle: str) -> Response:
    """End one other browser's session."""
    try:
        id_hash = bytes.fromhex(handle)
    except ValueError as error:
        raise NotFoundError from error
    services.end_session(current_person().id, id_hash)
    flash("That browser was signed out.")
    return leave(url_for("identity.security"))
