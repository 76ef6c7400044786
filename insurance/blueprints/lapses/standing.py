"""Why and when a policy lapses, collections under way included."""

from datetime import date
from uuid import UUID

from insurance.core.db import db
from insurance.debit_orders.queries import collection_in_flight
from insurance.lapses import queries


def standing_of(policy_id: UUID, on: date) -> queries.PolicyStanding:
    """Return a policy's forecast with what it rests on."""
    session = db.session()
    in_flight = policy_id in collection_in_flight(session, [policy_id], on=on)
    return queries.get_policy_standing(session, policy_id, on, collection_in_flight=in_flight)
