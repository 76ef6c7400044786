"""SQL is put together from constants alone, however it is put together."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from insurance.ledger.rules import AccountCode

ROOT = Path(__file__).resolve().parents[2]
CODE = [path for path in (ROOT / "insurance").rglob("*.py") if "bench" not in path.parts]
ALLOWED = {
    "insurance/core/bootstrap.py": "identifiers through psycopg's own composition",
    "insurance/core/db.py": "the announcement of the organization: a UUID's own text",
    "insurance/core/schema.py": "names of tables, while a migration runs",
    "insurance/claims/reports.py": "templates whose parts are constants of the module",
    "insurance/lapses/queries/arrears.py": "which constant parts a page needs",
    "insurance/ledger/services.py": "a source that is a constant of the caller's",
    "insurance/month_end/services/writing.py": "names of columns, from the models",
    "insurance/policies/services/schedule_steps.py": "constant parts, one for each status",
}
_STATEMENTS = {"text": 0, "execute": 0, "exec_driver_sql": 0, "read_rows": 1, "read_as": 2}
"""Which argument of a call is SQL."""
_BUILDERS = ("format", "join", "substitute", "safe_substitute", "replace")
_CONSTANT = re.compile(r"_{0,2}[A-Z][A-Z0-9_]*")
_ACCOUNT = r"\w*\.?(?:debit|credit)_account"
_WITH_ACCOUNTS = re.compile(
    rf"{_ACCOUNT}\s*(?:=|<>|(?:NOT\s+)?IN)\s*(\([^)]*\)|'\w*')"
    rf"|('\w*')\s*(?:=|<>|(?:NOT\s+)?IN)\s*\(?{_ACCOUNT}"
)
"""Where SQL names accounts of the ledger."""


def test_sql_names_no_account_that_the_ledger_does_not_have() -> None:
    named = {
        (account, f"{path.relative_to(ROOT)}")
        for path in CODE
        for account in _accounts_in(path.read_text())
    }

    assert len(named) > 10
    assert {one for one in named if one[0] not in set(AccountCode)} == set()


@pytest.mark.parametrize(
    "condition",
    [
        "debit_account = 'BNAK'",
        "t.credit_account <> 'BNAK'",
        "t.debit_account IN ('BANK', 'BNAK')",
        "credit_account NOT IN ('BNAK')",
        "'BNAK' IN (debit_account, credit_account)",
        "'BNAK' = t.debit_account",
    ],
)
def test_the_check_sees_every_way_to_name_an_account(condition: str) -> None:
    assert "BNAK" in _accounts_in(f'_SQL = f"SELECT 1 WHERE {{_X}} AND {condition}"')


def _accounts_in(source: str) -> set[str]:
    """Return the accounts that the SQL of a module names."""
    return {
        account
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        for match in _WITH_ACCOUNTS.finditer(node.value)
        for account in re.findall(r"'(\w*)'", match[1] or match[2])
    }


def test_sql_is_never_built_from_values() -> None:
    found = {
        f"{path.relative_to(ROOT)}:{line}"
        for path in CODE
        if str(path.relative_to(ROOT)) not in ALLOWED
        for line in _built_from_values(path.read_text())
    }
    assert found == set()


def test_the_check_sees_every_way_to_put_a_value_into_sql() -> None:
    for argument in (
        'f"SELECT {name}"',
        '"SELECT {}".format(name)',
        '"SELECT %s" % name',
        '"SELECT " + name',
        '"".join(["SELECT ", name])',
        'Template("SELECT $x").substitute(x=name)',
        '_SQL.replace("x", name)',
    ):
        assert _built_from_values(f"session.execute(text({argument}))"), argument
    for argument in ('"".join([_ROW, _ORDER])', 'f"{_ROW} LIMIT 5"', "_ROW + _ORDER"):
        assert not _built_from_values(f"session.execute(text({argument}))"), argument


def _built_from_values(source: str) -> list[int]:
    """Return the lines of statements that are put together from anything but constants."""
    return [
        call.lineno
        for call in ast.walk(ast.parse(source))
        if isinstance(call, ast.Call) and _name(call.func) in _STATEMENTS
        for argument in call.args[_STATEMENTS[_name(call.func)] :][:1]
        if _is_built(argument) and not all(_is_constant(part) for part in _parts(argument))
    ]


def _is_built(part: ast.AST) -> bool:
    if isinstance(part, ast.BinOp):
        return isinstance(part.op, (ast.Add, ast.Mod))
    if isinstance(part, ast.JoinedStr):
        return True
    return isinstance(part, ast.Call) and _name(part.func) in _BUILDERS and not _is_query(part)


def _is_query(call: ast.Call) -> bool:
    """Tell a join of SQLAlchemy's, which is called on a query, from one of texts."""
    return (
        _name(call.func) == "join"
        and isinstance(call.func, ast.Attribute)
        and not isinstance(call.func.value, ast.Constant)
    )


def _parts(piece: ast.AST) -> Iterator[ast.AST]:
    """Yield what a piece of SQL is made of."""
    if isinstance(piece, ast.JoinedStr):
        inner: list[ast.AST] = [
            value.value for value in piece.values if isinstance(value, ast.FormattedValue)
        ]
    elif isinstance(piece, ast.BinOp):
        inner = [piece.left, piece.right]
    elif isinstance(piece, (ast.List, ast.Tuple)):
        inner = list(piece.elts)
    elif isinstance(piece, ast.Starred | ast.Subscript):
        inner = [piece.value]
    elif isinstance(piece, ast.Call):
        inner = [*piece.args, *(keyword.value for keyword in piece.keywords)]
        if isinstance(piece.func, ast.Attribute) and _name(piece.func) in _BUILDERS:
            inner.append(piece.func.value)
    else:
        yield piece
        return
    for one in inner:
        yield from _parts(one)


def _is_constant(part: ast.AST) -> bool:
    return isinstance(part, ast.Constant) or (
        isinstance(part, ast.Name) and bool(_CONSTANT.fullmatch(part.id))
    )


def _name(function: ast.expr) -> str:
    if isinstance(function, ast.Name):
        return function.id
    return function.attr if isinstance(function, ast.Attribute) else ""
