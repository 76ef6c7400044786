"""The answers a product's inception rules demand."""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

from insurance.core.errors import DomainError
from insurance.products.rules import Question

_NUMBER = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,6})?", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_YES_OR_NO = ("yes", "no", "true", "false")


def answer_errors(questions: Sequence[Question], answers: Mapping[str, str]) -> list[DomainError]:
    """Return what is missing or not acceptable among the answers to the inception rules."""
    errors = []
    for question in questions:
        answer = str(answers.get(question.code, "")).strip()
        where = f"inception_answers.{question.code}"
        if answer:
            if problem := _problem(question, answer):
                errors.append(DomainError(problem, field=where))
        elif question.is_required:
            errors.append(DomainError(f"Answer “{question.label}”.", field=where))
    known = {question.code for question in questions}
    for code in sorted(set(answers) - known):
        errors.append(
            DomainError(f"This product does not ask for {code}.", field=f"inception_answers.{code}")
        )
    return errors


def _problem(question: Question, answer: str) -> str | None:
    match question.field_type:
        case "NUMBER":
            return _number_problem(question, answer)
        case "DATE":
            return None if _is_date(answer) else "Enter a date, such as 2026-11-20."
        case "YES_NO" if answer.lower() not in _YES_OR_NO:
            return "Answer yes or no."
        case "CHOICE" if answer not in question.options:
            return f"Choose one of {', '.join(question.options)}."
    return None


def _number_problem(question: Question, answer: str) -> str | None:
    plain = re.sub(r"[\s\u00a0\u202f]", "", answer).replace(",", ".")
    if not _NUMBER.fullmatch(plain):
        return "Enter a number."
    number = Decimal(plain)
    if question.min_value is not None and number < question.min_value:
        return f"At least {question.min_value.normalize():f}."
    if question.max_value is not None and number > question.max_value:
        return f"At most {question.max_value.normalize():f}."
    return None


def _is_date(answer: str) -> bool:
    try:
        return bool(_DATE.fullmatch(answer) and date.fromisoformat(answer))
    except ValueError:
        return False
