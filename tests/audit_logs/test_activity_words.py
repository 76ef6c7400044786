"""What is done is said in the words of the trade: every action that code records has some."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from insurance.approvals.services.requests import _VERBS
from insurance.audit_logs.activity_words import activity_words, known_words
from insurance.identity.models import LinkKind
from insurance.policies.services.schedule_steps import _FINDS

ROOT = Path(__file__).resolve().parents[2] / "insurance"
_ACTION = re.compile(r"[a-z_]+\.[a-z_]*[a-z]")
_EVENT = re.compile(r"(CLAIM|POLICY)_[A-Z]+(?:_[A-Z]+)*")
_NO_EVENTS = {"CLAIM_TYPES", "CLAIM_FORM"}
_MADE_UP = {
    "approvals.{}": {f"approvals.{verb}" for verb in _VERBS.values()},
    "identity.use_{}": {f"identity.use_{kind.value.lower()}" for kind in LinkKind},
    "schedules.{}": {f"schedules.{name}" for name in _FINDS},
    "claims.{}": set(),
    "message_templates.{}": {"message_templates.save", "message_templates.use"},
    "senders.{}": set(),
    "policies.{}": set(),
    "debit_orders.{}": set(),
    "{}.export": set(),
}
"""Actions put together while the code runs: those of events and mandates are found below."""


def test_every_action_that_code_records_has_words() -> None:
    found = set().union(*(set(_actions_in(path.read_text())) for path in _code()))
    found |= set().union(*_MADE_UP.values())

    assert len(found) > 150
    assert sorted(found - set(known_words())) == []


def test_every_way_to_put_an_action_together_is_known() -> None:
    made_up = set().union(*(set(_made_up_in(path.read_text())) for path in _code()))

    assert made_up - set(_MADE_UP) == set()


@pytest.mark.parametrize(
    "source",
    [
        'record(session, action="parcels.send", resource="parcels")',
        'record(session, action="parcels.send" if sent else "parcels.keep")',
        '_record_note(session, "parcels.send", note)',
        '_ACTION = "parcels.send"',
    ],
)
def test_the_check_sees_every_way_to_name_an_action(source: str) -> None:
    assert "parcels.send" in set(_actions_in(source))


def test_words_name_what_was_done_it_to() -> None:
    assert activity_words("customers.add_bank_account") == "Bank account added"
    assert activity_words("letters.make", {"title": "Statement {of} account"}) == (
        "Letter made: Statement {of} account"
    )
    assert activity_words("documents.add") == "Document added: –"
    assert activity_words("policies.export") == "List exported"


def _code() -> Iterator[Path]:
    return (path for path in sorted(ROOT.rglob("*.py")) if "bench" not in path.parts)


def _actions_in(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        for value in _values_of(node):
            yield from (each for each in _texts(value) if _ACTION.fullmatch(each))
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            event = _EVENT.fullmatch(node.value)
            if event and node.value not in _NO_EVENTS:
                area, _, what = node.value.lower().partition("_")
                yield f"{'claims' if area == 'claim' else 'policies'}.{what}"
        if isinstance(node, ast.Call) and _name_of(node) == "_record" and len(node.args) > 1:
            verbs = [
                text for text in _texts(node.args[1]) if re.fullmatch(r"[a-z]+_(mandate|run)", text)
            ]
            yield from (f"debit_orders.{verb}" for verb in verbs)


def _values_of(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what names an action: the argument of that name, those of who records, a constant."""
    if isinstance(node, ast.keyword) and node.arg == "action":
        yield node.value
    if isinstance(node, ast.Call) and re.search("record|audit", _name_of(node)):
        yield from node.args
    if isinstance(node, ast.Assign) and "ACTION" in ast.unparse(node.targets[0]):
        yield node.value


def _made_up_in(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if (
            isinstance(node, ast.keyword)
            and node.arg == "action"
            and isinstance(node.value, ast.JoinedStr)
        ):
            yield "".join(
                part.value if isinstance(part, ast.Constant) else "{}" for part in node.value.values
            )


def _name_of(call: ast.Call) -> str:
    function = call.func
    return function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")


def _texts(node: ast.AST) -> Iterator[str]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
            yield inner.value
