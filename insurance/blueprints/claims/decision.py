"""The form of a decision: for each undecided item an amount, a reason and what was found."""

from typing import Any

from wtforms import BooleanField, TextAreaField

from insurance.claims.models import ClaimItem
from insurance.claims.queries import ClaimView
from insurance.claims.rules import causes_for, reasons_for
from insurance.core.db import db
from insurance.core.money import ZERO
from insurance.policies.queries import get_policy
from insurance.products.queries import load_terms
from insurance.web.filters import words
from insurance.web.forms import ChoiceField, Form, MoneyField, Required, TextField, VersionField


class DecisionForm(Form):
    """Whether to go on without documents; the rest are fields of the claim's items."""

    version = VersionField()
    cause = ChoiceField("Cause", default="")
    documents_waived = BooleanField("Decide without the documents that are outstanding")
    waiver_reason = TextField("Why they are not needed", longest=1000)

    items: dict[int, ClaimItem]
    """The items that are not decided, by their place in the claim."""

    def item_fields(self) -> list[tuple[ClaimItem, Any, Any, Any]]:
        """Return each undecided item with its amount, reason and findings."""
        return [
            (
                item,
                self._fields[f"amount_{place}"],
                self._fields[f"reason_{place}"],
                self._fields[f"findings_{place}"],
            )
            for place, item in self.items.items()
        ]

    def propose(self, view: ClaimView) -> None:
        """Fill in what the checks say, or what somebody with less authority proposed."""
        self.version.data = view.claim.version
        self.cause.data = view.claim.cause
        proposed = {
            one["item_id"]: one for one in (view.claim.proposal or {}).get("assessments", [])
        }
        for item, amount, reason, findings in self.item_fields():
            kept = proposed.get(str(item.id))
            amount.data = amount.coerce(kept["approved_amount"]) if kept else item.payable_amount
            reason.data = kept["reason"] if kept else "WITHIN_TERMS"
            findings.data = (kept or {}).get("findings") or ""


class AmountField(MoneyField):
    """An amount that can be read from a proposal."""

    def coerce(self, text: str) -> Any:
        """Return the amount of a proposal."""
        return type(ZERO)(text)


def decision_form(view: ClaimView) -> DecisionForm:
    """Return the form with the fields of the items that are not decided."""
    session = db.session()
    terms = load_terms(session, get_policy(session, view.claim.policy_id).product_version_id)
    reasons = [
        (reason.code, f"{'Refuse' if reason.rejects else 'Approve'}: {reason.words}")
        for reason in reasons_for(terms.class_code, terms.category)
    ]
    items = {at: item for at, item in enumerate(view.items) if item.decision is None}
    fields: dict[str, Any] = {}
    for place, item in items.items():
        name = item.benefit_name
        fields[f"amount_{place}"] = AmountField(f"Approve of {name}", [Required()])
        fields[f"reason_{place}"] = ChoiceField(f"Reason for {name}", choices=reasons)
        fields[f"findings_{place}"] = TextField(
            f"Findings on {name}", longest=4000, widget=TextAreaField.widget
        )
    form: DecisionForm = type("DecisionForm", (DecisionForm,), fields)()
    form.cause.choices = [("", "As it stands")] + [
        (cause, words(cause)) for cause in causes_for(terms.category)
    ]
    form.items = items
    return form
