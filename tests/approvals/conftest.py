"""Whatever two people decide, the history gives the present and the money agrees."""

from tests.policies.conftest import everything_agrees

__all__ = ["everything_agrees"]
