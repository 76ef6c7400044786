"""Why and when a policy lapses, collections under way included."""

from datetime import date
from typing import Any
from uuid import UUID

from flask import url_for

from insurance.core.db import db
from insurance.debit_orders.queries import collection_in_flight
from insurance.lapses import queries
from insurance.web.acts import Act


def standing_of(policy_id: UUID, on: date) -> queries.PolicyStanding:
    """Return a policy's forecast with what it rests on."""
    session = db.session()
    in_flight = policy_id in collection_in_flight(session, [policy_id], on=on)
    return queries.get_policy_standing(session, policy_id, on, collection_in_flight=in_flight)


def on_standing(standing: queries.PolicyStanding, title: str, verb: str, **more: Any) -> Act:
    """Return an act on the arrears of a policy, which goes back to why and when it lapses."""
    number, back = standing.policy.policy_number, url_for(".policy", policy_id=standing.policy.id)
    crumbs = [("Arrears and lapses", url_for(".index")), (number, back)]
    return Act(f"{title} {number}", verb, back, crumbs, **more)
