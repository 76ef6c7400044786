"""What is decided asks nobody any more."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from insurance.alerts.models import Alert
from insurance.approvals.services import reject_request
from insurance.core import clock
from insurance.core.context import acting_as
from insurance.core.permissions import Role
from tests.alerts.test_telling import as_person, ask
from tests.factories.identity import make_person
from tests.factories.lifecycle import MAKER
from tests.factories.organizations import OrganizationFacts


def test_once_one_has_decided_the_others_are_not_asked_any_more(
    session: Session, org: OrganizationFacts
) -> None:
    first, second = make_person(org.id, Role.MANAGER), make_person(org.id, Role.MANAGER)
    settled, open_ = ask(MAKER), ask(MAKER)

    with acting_as(as_person(first, org)):
        reject_request(settled, now=clock.now(), note=None)

    unread = select(Alert.resource_id, Alert.user_id).where(Alert.read_at.is_(None))
    asked = unread.where(Alert.kind == "approval_asked")
    assert set(session.execute(asked).tuples()) == {(open_, first.id), (open_, second.id)}
