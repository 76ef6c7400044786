"""What an entry of the audit log says in the words of the trade.

An area has its words in `activity.py`, found in its folder.
"""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from string import Formatter
from typing import Any

from insurance.core.text import code_in_words

_EXPORT = ".export"


@cache
def known_words() -> Mapping[str, str]:
    """Return the words of every action. Raises ValueError for one that two areas have words for."""
    words: dict[str, str] = {}
    for file in sorted(Path(__file__).parents[1].glob("*/activity.py")):
        own: Mapping[str, str] = import_module(f"insurance.{file.parent.name}.activity").ACTIVITY
        if twice := words.keys() & own.keys():
            raise ValueError(f"Two areas have words for {', '.join(sorted(twice))}.")
        words |= own
    return words


def activity_words(action: str, after: Mapping[str, Any] | None = None) -> str:
    """Return an action as people say it; what has no words is spelled out."""
    words = known_words().get(action)
    if words is None:
        return "List exported" if action.endswith(_EXPORT) else code_in_words(action)
    return Formatter().vformat(words, (), {**dict.fromkeys(_names_in(words), "–"), **(after or {})})


def kind_words(action: str) -> str:
    """Return what kind of act an action is, such as `Document added`, without what it was done to."""
    plain = known_words().get(action)
    return activity_words(action) if plain is None else plain.partition("{")[0].rstrip(": ")


def _names_in(words: str) -> list[str]:
    return [name for _text, name, _spec, _conversion in Formatter().parse(words) if name]
