"""The policies in force of each product version are counted, and a wrong count is named."""

from datetime import date, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from insurance.core.tenancy import current_org
from insurance.month_end.services import preview_escalation
from insurance.policies.replay import find_differences
from tests.factories.book import TODAY
from tests.factories.lifecycle import sell

START = date(2026, 9, 20)
COUNTED = text(
    """
    SELECT product_version_id, count(*) FROM ins.policies
    WHERE org_id = :org AND status IN ('active', 'suspended') GROUP BY 1
    """
)


def test_the_rates_show_how_many_policies_each_version_has(session: Session) -> None:
    sell(START)
    sell(START + timedelta(days=3))

    counted = dict(session.execute(COUNTED, {"org": current_org()}).all())
    shown = {one.product_version_id: one.policies for one in preview_escalation(session, TODAY)}

    assert sum(counted.values()) == 2
    assert {version: n for version, n in shown.items() if n} == counted


def test_a_wrong_count_is_named_by_the_proof(session: Session) -> None:
    sell(START)
    more = text(
        "UPDATE ins.tenant_counts SET items = items + 1 WHERE org_id = :org"
        " AND subject LIKE 'in\\_force.%'"
    )
    assert find_differences()[1] == []

    session.execute(more, {"org": current_org()})
    found = find_differences()[1]
    session.rollback()

    assert found == ["policies in force of version 1 of Plain cover: 1 counted, 2 kept"]
