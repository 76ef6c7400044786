"""What imports cannot say."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CODE = [path for path in (ROOT / "insurance").rglob("*.py") if "bench" not in path.parts]


def _offenders(pattern: str, *allowed: str) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{number}"
        for path in CODE
        if str(path.relative_to(ROOT)) not in allowed
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(pattern, line)
    ]


def test_only_the_database_module_commits() -> None:
    assert _offenders(r"\.commit\(\)", "insurance/core/db.py") == []


def test_only_the_clock_asks_for_the_time() -> None:
    assert (
        _offenders(r"datetime\.now\(|date\.today\(|datetime\.utcnow", "insurance/core/clock.py")
        == []
    )


def test_flask_principal_is_imported_in_one_file() -> None:
    assert _offenders(r"flask_principal", "insurance/web/access.py") == []


def test_only_the_ledger_writes_its_tables() -> None:
    ledger = [str(path.relative_to(ROOT)) for path in (ROOT / "insurance/ledger").glob("*.py")]
    bulk = "insurance/seeding/book.py"

    assert _offenders(r"(insert|update|delete)\(Ledger|INTO ins\.ledger_", *ledger, bulk) == []


def test_advisory_locks_are_left_to_the_bootstrap() -> None:
    assert _offenders(r"pg_advisory|pg_try_advisory", "insurance/core/bootstrap.py") == []
