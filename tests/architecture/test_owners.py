"""A table is written by the area that owns it: in SQL, by the session and by its rows."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import insurance.models  # noqa: F401 - every table is known then
from insurance.core.db import Base

ROOT = Path(__file__).resolve().parents[2]
_WRITES = re.compile(
    r"\b(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM)\s+(?:ONLY\s+)?(?:ins\.)([a-z_]+)", re.IGNORECASE
)
_OF_BILLING = "from insurance.billing.models import PremiumLine"
_BUILDERS = ("insert", "update", "delete", "upsert")


def test_every_table_is_written_by_its_owner_alone() -> None:
    assert [place for path in _code() for place in _foreign_writes(path)] == []


def test_the_check_sees_every_way_to_write() -> None:
    path = ROOT / "insurance" / "month_end" / "planted.py"
    for source in (
        'text("UPDATE ins.policies SET status = 1")',
        'text("INSERT INTO ins.premium_lines AS l (org_id) SELECT 1")',
        'f"DELETE FROM ins.receipts WHERE {x}"',
        f"{_OF_BILLING}\nupdate(PremiumLine).values(amount=0)",
        f"{_OF_BILLING}\nsession.add(PremiumLine(id=1))",
        f"{_OF_BILLING}\n_LINES = PremiumLine.__table__\nwrite_rows(session, _LINES, [])",
    ):
        assert list(_foreign_writes(path, source)), source
    assert not list(_foreign_writes(path, 'text("UPDATE ins.month_end_runs SET status = 1")'))
    assert not list(_foreign_writes(path, 'text("SELECT 1 FROM ins.policies FOR UPDATE")'))


def _code() -> Iterator[Path]:
    for path in sorted((ROOT / "insurance").rglob("*.py")):
        if _area(path) not in ("bench", "seeding"):
            yield path


def _area(path: Path) -> str:
    return path.relative_to(ROOT / "insurance").parts[0].removesuffix(".py")


def _owners() -> dict[str, str]:
    """Return the area of every table."""
    return {
        one.local_table.name: one.class_.__module__.split(".")[1]  # type: ignore[attr-defined]
        for one in Base.registry.mappers
    }


def _foreign_writes(path: Path, source: str | None = None) -> Iterator[str]:
    tables, area, tree = _owners(), _area(path), ast.parse(source or path.read_text())
    classes = _tables_of(tree)
    place = path.relative_to(ROOT)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            for name in _WRITES.findall(node.value):
                if tables.get(name, area) != area:
                    yield f"{place}:{node.lineno} writes {name} of {tables[name]}"
        for name in _rows_written(node):
            if classes.get(name, area) != area:
                yield f"{place}:{node.lineno} writes {name} of {classes[name]}"


def _tables_of(tree: ast.AST) -> dict[str, str]:
    """Return the area of every table whose class a module has from another's models."""
    mapped = {one.class_.__name__ for one in Base.registry.mappers}
    return {
        name.asname or name.name: node.module.split(".")[1]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        and node.module
        and re.fullmatch(r"insurance\.[a-z_]+\.models", node.module)
        for name in node.names
        if name.name in mapped
    }


def _rows_written(node: ast.AST) -> Iterator[str]:
    """Yield the classes whose rows a piece of code makes, changes or removes."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        if node.func.id in _BUILDERS and node.args and isinstance(node.args[0], ast.Name):
            yield node.args[0].id
        yield node.func.id
    if (
        isinstance(node, ast.Attribute)
        and node.attr == "__table__"
        and isinstance(node.value, ast.Name)
    ):
        yield node.value.id
