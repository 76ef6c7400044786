"""How many examples the random tests that write to the database try: `make oracle` tries many.

Rules without a database try hypothesis' hundred, always: they cost next to nothing.
"""

import os

import pytest

IS_LONG = "HISTORIES" in os.environ
by_chance = pytest.mark.by_chance
"""Marks a test that tries more in `make oracle`."""


def tries(few: int, many: int) -> int:
    """Return `few` in the suite, and `many` in `make oracle`."""
    return many if IS_LONG else few
