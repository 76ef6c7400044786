"""Two versions of a policy beside each other; what others changed while somebody filled in a form."""

from typing import Any
from uuid import UUID

from flask import Response, request, url_for

from insurance.audit_logs.rules import changes
from insurance.blueprints.policies import bp
from insurance.core.db import db
from insurance.core.errors import DomainError, NotFoundError, StaleError
from insurance.customers.privacy import as_shown
from insurance.policies import queries
from insurance.policies.models import PolicyVersion
from insurance.policies.permissions import PoliciesMay
from insurance.quotes.rules import object_name
from insurance.web.access import requires
from insurance.web.conflicts import BothValues
from insurance.web.filters import words
from insurance.web.forms import Form
from insurance.web.html import go, page


@bp.route("/<uuid:policy_id>/versions")
@requires(PoliciesMay.VIEW)
def choose_versions(policy_id: UUID) -> Response:
    """Lead to the comparison of two versions that were chosen in a form."""
    queries.get_policy(db.session(), policy_id)
    chosen = sorted(int(one) for one in request.args.getlist("version") if one.isdecimal())[:2]
    if len(chosen) != 2:
        raise NotFoundError
    return go(url_for(".compare", policy_id=policy_id, older=chosen[0], newer=chosen[1]))


@bp.route("/<uuid:policy_id>/versions/<int:older>/<int:newer>")
@requires(PoliciesMay.VIEW)
def compare(policy_id: UUID, older: int, newer: int) -> Response:
    """Show what differs between two versions."""
    versions = {
        version.version_number: version
        for version in queries.list_versions(db.session(), policy_id)
    }
    if older not in versions or newer not in versions:
        raise NotFoundError
    return page(
        "policies/compare.html",
        line=queries.get_policy_line(db.session(), policy_id),
        older=versions[older],
        newer=versions[newer],
        versions=sorted(versions),
        changes=changes(_flat(versions[older]), _flat(versions[newer])),
    )


def show_changed(form: Form, policy_id: UUID, error: DomainError) -> None:
    """After a stale change, show what of the policy is otherwise than when the form was opened.

    What was entered stands in the form; it is then on the policy as it is now.
    """
    if not isinstance(error, StaleError):
        return
    versions = {
        version.version_number: version
        for version in queries.list_versions(db.session(), policy_id)
    }
    seen, now = error.yours["version"], error.theirs["version"]
    form.version.data, form.version.raw_data = now, None  # type: ignore[attr-defined]
    before = _flat(versions[seen]) if seen in versions else {}
    form.conflict = [
        BothValues(
            words(name), "–" if after is None else str(after), "–" if old is None else str(old)
        )
        for name, old, after in changes(before, _flat(versions[now]))
    ]


def _flat(version: PolicyVersion) -> dict[str, Any]:
    """Return a snapshot as `part: value`, so that two can be compared line by line."""
    state = version.policy_snapshot
    flat = {f"policy.{name}": value for name, value in state["policy"].items()}
    for member in state["members"]:
        who = f"{member['first_name']} {member['last_name']}".strip()
        shown = as_shown(member)
        flat |= {f"{who}.{name}": shown[name] for name in ("role", "date_of_birth", "end_date")}
    names = {one["id"]: object_name(one["kind"], one["details"]) for one in _objects_in(state)}
    for one in _objects_in(state):
        facts = {name: value for name, value in as_shown(one["details"]).items() if value}
        flat |= {f"{names[one['id']]}.{name}": value for name, value in facts.items()}
        flat[f"{names[one['id']]}.end_date"] = one["end_date"]
    for benefit in state["benefits"]:
        what = ", ".join(
            one for one in (benefit["benefit_name"], names.get(benefit.get("object_id"))) if one
        )
        flat |= {
            f"{what}.cover": benefit["sum_assured"],
            **{f"{what}.{name}": benefit[name] for name in ("premium", "status")},
        }
    return flat


def _objects_in(state: dict[str, Any]) -> list[dict[str, Any]]:
    return state.get("objects") or []
