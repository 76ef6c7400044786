"""What imports cannot say."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import insurance.models  # noqa: F401
from insurance.core.db import Base
from insurance.core.sealed import sealed_columns

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


_SHORT_LIVED = {("sessions", "pending_totp")}
"""What is encrypted outside columns, and gone before anybody rotates a key."""


def _places_encrypted_for(path: Path) -> Iterator[str]:
    """Return the place that each call of `encrypt` in a file names, as it is written."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "crypto.encrypt":
            yield ", ".join(ast.unparse(one) for one in node.args[1:-2])


def test_everything_that_is_encrypted_is_a_column_that_rotating_the_keys_knows() -> None:
    known = {one.place for one in sealed_columns()}
    marked = {f"{one.table.name}.{one.column.name}" for one in sealed_columns()}
    ciphers = {
        f"{table.name}.{column.name}"
        for table in Base.metadata.tables.values()
        for column in table.columns
        if column.name.endswith("_cipher")
    }
    unknown = []
    for path in CODE:
        source = path.read_text()
        for place in _places_encrypted_for(path):
            named = re.search(r"^_PLACE = (\(.+\))$", source, re.MULTILINE)
            if place == "*_PLACE" and named:
                place = named[1].strip("()").replace('"', "'")
            if place != "*self.place" and place.replace("_PENDING", "'pending_totp'") not in {
                f"{table!r}, {column!r}" for table, column in known | _SHORT_LIVED
            }:
                unknown.append(f"{path.relative_to(ROOT)}: {place}")

    assert ciphers <= marked, "mark them with info=sealed(...)"
    assert unknown == [], "mark the column with info=sealed(...)"
