"""Whether a life is the one on another policy: the answers of a form, and what is still asked."""

import re
from collections.abc import Sequence

from flask import request

from insurance.core.errors import DomainError, NotFoundError
from insurance.policies.rules import LifeQuestion
from insurance.policies.services.life_cover import LifeQuestionsError

_KEY = re.compile(r"-?[0-9]{1,4}:[0-9a-f-]{36}", re.ASCII)


def answers_typed() -> dict[str, bool]:
    """Return whether lives are those on other policies, by the key of the question."""
    answers = {}
    for name, said in list(request.form.items())[:500]:
        if name.startswith("life-") and said in ("same", "other"):
            key = name.removeprefix("life-")
            if not _KEY.fullmatch(key):
                raise NotFoundError
            answers[key] = said == "same"
    return answers


def questions_of(error: DomainError) -> Sequence[LifeQuestion]:
    """Return what a refusal asks about lives, nothing for any other refusal."""
    return error.questions if isinstance(error, LifeQuestionsError) else ()
