"""Every statement runs on a cluster that spreads organizations over servers (Citus)."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CODE = [path for path in (ROOT / "insurance").rglob("*.py") if "bench" not in path.parts]
_UNIQUE = re.compile(r"\b(id|\w+_id|sequence|\w*number|seal_no|line|month|slug|valid_from)\b")
"""Columns that no two rows of a list share: by themselves, or within what the list is of."""
_ORG = r"(?:CAST\(\s*)?(?::org\b|%\(org\)s)"
_STABLE = r"\b(?:jsonb?_build_\w+|to_jsonb?|to_char|format|concat\w*|now|random|gen_random_uuid)\("
RULES = {
    "what is inserted takes its organization from a row": rf"INSERT\s+INTO\b.*?\bSELECT\s+{_ORG}",
    "no function of columns sets a column": (
        rf"\bUPDATE\s+ins\.\w+(?:(?!\b(?:FROM|WHERE)\b).)*\bSET\b(?:(?!\b(?:FROM|WHERE)\b).)*{_STABLE}"
    ),
    "no sub-query decides what a column is set to": (
        r"\bUPDATE\s+ins\.\w+(?:(?!\b(?:FROM|WHERE)\b).)*\bSET\b"
        r"(?:(?!\b(?:FROM|WHERE)\b).)*CASE\s+WHEN\s+(?:NOT\s+)?EXISTS"
    ),
    "a search function stands alone": r"sd_search_\w+\(.*?\bins\.(?!sd_)|\bins\.(?!sd_).*?sd_search_\w+\(",
    "no statement writes inside another": r"\bAS\s+(?:MATERIALIZED\s+)?\(\s*(?:INSERT|UPDATE|DELETE)\b",
    "locks are rows": r"\bpg_\w*advisory\w*\(",
    "an organization is announced for a transaction": r"\bset_config\(",
    "rows are neither merged nor copied": r"\bMERGE\s+INTO\b|\bCOPY\s+ins\.",
    "a page's order is total": (
        r"\bORDER\s+BY\s+(?:(?!\bLIMIT\b|\bORDER\s+BY\b|\bid\b|_id\b|\bsequence\b|number\b|\b\d+\b|[)]).)+"
        r"\bLIMIT\s+(?!1\b)"
    ),
}
PLANTED = {
    "what is inserted takes its organization from a row": "INSERT INTO ins.a (b) SELECT :org, r.id",
    "no function of columns sets a column": "UPDATE ins.a x SET b = jsonb_build_object('c', x.c)",
    "no sub-query decides what a column is set to": (
        "UPDATE ins.a SET b = CASE WHEN EXISTS (SELECT 1 FROM ins.c) THEN 1 END"
    ),
    "a search function stands alone": (
        "SELECT 1 FROM ins.a JOIN ins.sd_search_a(:q, 5) f ON f.id = a.id"
    ),
    "no statement writes inside another": "WITH x AS (UPDATE ins.a SET b = 1 RETURNING b) SELECT b",
    "locks are rows": "SELECT pg_advisory_xact_lock(1)",
    "an organization is announced for a transaction": "SELECT set_config('app.org_id', :org, true)",
    "rows are neither merged nor copied": "MERGE INTO ins.a USING x ON true",
    "a page's order is total": "SELECT a.name FROM ins.a ORDER BY a.name LIMIT 25",
}


@pytest.mark.parametrize("rule", RULES)
def test_every_statement_obeys(rule: str) -> None:
    wrong = re.compile(RULES[rule], re.IGNORECASE | re.DOTALL)
    assert wrong.search(PLANTED[rule]), "the check sees what it is for"
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in CODE
        for line, statement in _statements_of(path)
        if wrong.search(statement)
    ]
    assert found == []


def test_a_constraint_is_named_by_one_function() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in CODE
        if path.name != "db.py" or path.parent.name != "core"
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if "constraint_name" in line
    ]
    assert found == []


def test_a_page_of_objects_has_a_total_order() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{call.lineno} {ast.unparse(ordered)}"
        for path in CODE
        for call in ast.walk(ast.parse(path.read_text()))
        if _is_call(call, "limit") and ast.unparse(call.args[0]) != "1"
        for ordered in _chain(call)
        if _is_call(ordered, "order_by") and not _is_total(ordered)
    ]
    assert found == []


@cache
def _statements_of(path: Path) -> list[tuple[int, str]]:
    return list(_statements(path.read_text()))


def _statements(source: str) -> Iterator[tuple[int, str]]:
    """Yield what a module says in SQL; what is put in stands as `…`."""
    inside = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr):
            inside |= {id(part) for part in node.values}
            parts = [one.value if isinstance(one, ast.Constant) else "…" for one in node.values]
            yield node.lineno, "".join(map(str, parts))
        elif (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in inside
            and "ins." in node.value
        ):
            yield node.lineno, node.value


def _is_call(node: ast.AST, name: str) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == name
    )


def _chain(call: ast.AST) -> Iterator[ast.Call]:
    while isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
        yield call
        call = call.func.value


def _is_total(ordered: ast.Call) -> bool:
    if any(isinstance(one, ast.Starred) for one in ordered.args):
        return True  # named where the order is chosen
    return _UNIQUE.search(", ".join(ast.unparse(one) for one in ordered.args)) is not None
