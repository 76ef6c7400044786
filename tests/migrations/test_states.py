"""What was landed before, filled by the product of its day, becomes the newest and stays right."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from insurance.core import clock
from tests.invariants.watching import broken_promises
from tests.migrations.conftest import STATES, Landed

AFTERWARDS = datetime(2026, 12, 1, 12, tzinfo=UTC)
_BOOKS = """
    SELECT d.slug, d.org_id, count(p.id) FROM cp.org_directory d
    LEFT JOIN ins.policies p USING (org_id) GROUP BY d.slug, d.org_id
"""
_RUNS = "SELECT d.slug, r.id FROM cp.org_directory d JOIN ins.month_end_runs r USING (org_id)"


@pytest.mark.parametrize("state", sorted(path.name.split(".")[0] for path in STATES.iterdir()))
def test_a_filled_database_of_an_earlier_release_is_upgraded_and_everything_agrees(
    state: str, restore: Callable[[str], Landed]
) -> None:
    landed = restore(state)

    migrated = landed.run("migrate")

    assert migrated.output == "The database is at the newest schema.\n"
    with landed.connect() as connection:
        books = connection.execute(_BOOKS).fetchall()
        runs = connection.execute(_RUNS).fetchall()
        broken = broken_promises(connection, [org_id for _slug, org_id, _policies in books])
    assert broken == []
    with clock.frozen(AFTERWARDS):
        for slug, _org_id, policies in books:
            replayed = landed.run("replay", "verify", "--org", slug).output
            assert replayed.startswith(f"{policies} policies checked.")
            assert "Everything agrees." in replayed, replayed
            sealed = landed.run("audit", "verify", "--org", slug).output
            assert "\nINTACT" in sealed, sealed
        for slug, run_id in runs:
            planned = landed.run("month-end", "verify", "--org", slug, str(run_id)).output
            assert "The plan is as audited." in planned, planned
    assert sum(policies for _slug, _org_id, policies in books) > 40
    assert len(runs) >= (4 if state != "0041" else 0)
