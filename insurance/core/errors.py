"""What a business rule or a look-up may refuse, in words for the person at the screen."""

from typing import Any


class DomainError(Exception):
    """A refusal by a business rule, shown at the field it concerns."""

    status = 422

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field

    @property
    def errors(self) -> list["DomainError"]:
        """Return every refusal in this one, itself included."""
        return [self]


class DomainErrors(DomainError):
    """Several refusals at once, so that a person can mend all of them in one go."""

    def __init__(self, errors: list[DomainError]) -> None:
        super().__init__(" ".join(error.message for error in errors))
        self._errors = errors

    @property
    def errors(self) -> list[DomainError]:
        """Return the refusals one by one."""
        return self._errors


class NotFoundError(DomainError):
    """There is no such thing in this tenant. Says the same for what other tenants own."""

    status = 404

    def __init__(
        self,
        message: str = "There is no such record, or it is not yours to see.",
        *,
        field: str | None = None,
    ) -> None:
        super().__init__(message, field=field)


class ForbiddenError(DomainError):
    """The person may not do this."""

    status = 403


class TooManyError(DomainError):
    """The person has asked for this too often and may ask again later."""

    status = 429


class ConflictError(DomainError):
    """The record is in a state that does not allow this. `detail` says what is allowed."""

    status = 409

    def __init__(
        self, message: str, *, field: str | None = None, detail: dict[str, Any] | None = None
    ) -> None:
        super().__init__(message, field=field)
        self.detail = detail or {}


class StaleError(ConflictError):
    """Somebody else saved first. `theirs` holds their values, `yours` the refused ones."""

    def __init__(self, message: str, *, theirs: dict[str, Any], yours: dict[str, Any]) -> None:
        super().__init__(message, detail={"theirs": theirs, "yours": yours})
        self.theirs = theirs
        self.yours = yours


def raise_all(errors: list[DomainError]) -> None:
    """Raise what was collected: nothing, the one refusal, or all of them together."""
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise DomainErrors(errors)
