"""Form fields that read what South African staff type, and say what is wrong in their words."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, ClassVar

from flask_wtf import FlaskForm
from wtforms import Field, HiddenField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, StopValidation, ValidationError
from wtforms.widgets import TextInput

from insurance.core.errors import DomainError
from insurance.core.money import format_money, parse_money
from insurance.web.conflicts import BothValues, take_theirs
from insurance.web.drafts import fill_in
from insurance.web.filters import words

_WHOLE = re.compile(r"[0-9]{1,6}", re.ASCII)
_VERSION = re.compile(r"[0-9]{1,9}", re.ASCII)
_DATE_FORMATS = ("%Y/%m/%d", "%Y-%m-%d", "%Y%m%d", "%d/%m/%Y")
UNSEEN = frozenset({"CSRFTokenField", "HiddenField", "VersionField"})
"""The types of fields that nobody fills in."""
_SHORT = 3
"""So many fields are typed again without anger; what a longer form has is kept as a draft."""
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class Form(FlaskForm):
    """The base of every form: its CSRF token, and room for refusals that no field owns.

    What is part of another form's draft names that one as its `draft_name`. One that `has_rows`
    is asked for more than its own fields, in rows that its view reads.
    """

    draft_name: ClassVar[str] = ""
    has_rows: ClassVar[bool] = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.form_errors: list[str] = []
        self.refused_with = 422
        self.conflict: list[BothValues] = []
        fill_in(self)
        if self.is_submitted():
            take_theirs(self)

    @property
    def is_long(self) -> bool:
        """Tell whether what is typed is kept as a draft (web/drafts.py)."""
        return self.has_rows or sum(field.type not in UNSEEN for field in self) > _SHORT

    @property
    def has_errors(self) -> bool:
        """Tell whether anything was refused."""
        return bool(self.errors or self.form_errors)

    @property
    def status(self) -> int:
        """Return the status of the refusal, 422 where a field is wrong, 200 where nothing is."""
        return self.refused_with if self.has_errors else 200


class SureForm(Form):
    """A press on the button."""


class Required(InputRequired):
    """The field must be filled in; where nothing else is said, its kind and label say with what."""

    def __call__(self, form: Any, field: Field) -> None:
        """Refuse a field in which nothing was typed or chosen."""
        if self.message is None and not (field.raw_data and field.raw_data[0]):
            field.errors[:] = []
            raise StopValidation(_asks_for(field))
        super().__call__(form, field)


_ASKS = {
    "DayField": "Enter a date, such as 2026/11/20.",
    "MoneyField": "Enter an amount, such as 1 234,50.",
    "RateField": "Enter a number, such as 4,5.",
    "WholeField": "Enter a whole number.",
}
_SENTENCES = ("any ", "from ", "how ", "what ", "who ", "why ", "your ")
"""How labels begin that are no nouns."""


def _asks_for(field: Field) -> str:
    if field.type in _ASKS:
        return _ASKS[field.type]
    if isinstance(field, SelectField):
        return "Choose one from the list."
    label = field.label.text
    if label.endswith("?"):
        return "Enter an answer."
    if not label[1:2].isupper():
        label = label[:1].lower() + label[1:]
    return f"Enter {'' if label.startswith(_SENTENCES) else 'the '}{label}."


class TextField(StringField):
    """A line of text: trimmed, in normal form C, without control characters."""

    def __init__(
        self, label: str, validators: Sequence[Any] = (), *, longest: int = 200, **kwargs: Any
    ) -> None:
        limit = Length(max=longest, message=f"At most {longest} characters.")
        super().__init__(label, [*validators, limit], **kwargs)

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read and clean what was typed."""
        self.data = clean_text(valuelist[0]) if valuelist else ""

    def pre_validate(self, form: Any) -> None:
        """Refuse control characters."""
        if self.data and _CONTROL.search(self.data):
            raise ValidationError("Remove the characters that cannot be printed.")


class MoneyField(Field):
    """An amount in rand: `1 234,56`, `1234.56`, `R1 234,56`."""

    widget = TextInput()
    data: Decimal | None

    def __init__(self, label: str, validators: Sequence[Any] = (), **kwargs: Any) -> None:
        kwargs.setdefault("render_kw", {"inputmode": "decimal", "class": "amount"})
        super().__init__(label, validators, **kwargs)

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return "" if self.data is None else format_money(self.data)[2:]

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read what was typed. Nothing typed is None."""
        self.data = None
        if valuelist and valuelist[0].strip():
            try:
                self.data = parse_money(valuelist[0])
            except DomainError as error:
                raise ValueError(error.message) from error

    def pre_validate(self, form: Any) -> None:
        """Refuse a negative amount."""
        if self.data is not None and self.data < 0:
            raise ValidationError("Enter an amount of zero or more.")


class RateField(Field):
    """A rate or percentage with up to eight decimals, comma or point."""

    widget = TextInput()
    data: Decimal | None

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return "" if self.data is None else f"{self.data.normalize():f}".replace(".", ",")

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read what was typed. Nothing typed is None."""
        self.data = None
        if valuelist and valuelist[0].strip():
            self.data = parse_rate(valuelist[0])


class DayField(Field):
    """A date: `2026/11/20`, `2026-11-20`, `20261120`, `20/11/2026`; years 1900 to 2200."""

    widget = TextInput()
    data: date | None

    def __init__(self, label: str, validators: Sequence[Any] = (), **kwargs: Any) -> None:
        kwargs.setdefault("render_kw", {"inputmode": "numeric", "placeholder": "yyyy/mm/dd"})
        super().__init__(label, validators, **kwargs)

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return f"{self.data:%Y/%m/%d}" if self.data else ""

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read what was typed. Nothing typed is None."""
        self.data = None
        if valuelist and valuelist[0].strip():
            self.data = parse_day(valuelist[0])


class WholeField(Field):
    """A whole number from zero on; nothing typed is None, or zero where that is said."""

    widget = TextInput()
    data: int | None

    def __init__(
        self, label: str, validators: Sequence[Any] = (), *, nothing: int | None = None, **kw: Any
    ) -> None:
        kw.setdefault("render_kw", {"inputmode": "numeric", "class": "amount"})
        super().__init__(label, validators, **kw)
        self.nothing = nothing

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return "" if self.data is None else str(self.data)

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read what was typed."""
        self.data = self.nothing
        if valuelist and (typed := valuelist[0].strip()):
            if not _WHOLE.fullmatch(typed):
                raise ValueError("Enter a whole number.")
            self.data = int(typed)


class VersionField(HiddenField):
    """The version of the record that the person saw."""

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read the number; anything else is a version nobody has seen."""
        typed = valuelist[0] if valuelist else ""
        self.data = int(typed) if _VERSION.fullmatch(typed) else 0


class ChoiceField(SelectField):
    """A choice from a list, with an empty first choice where nothing must be chosen.

    Where the page did not show the field, and so did not send it, the empty choice stands.
    """

    def __init__(
        self,
        label: str,
        validators: Sequence[Any] = (),
        *,
        empty: str | None = None,
        choices: Sequence[tuple[str, str]] = (),
        **kwargs: Any,
    ) -> None:
        first = [("", empty)] if empty is not None else []
        super().__init__(label, validators, choices=[*first, *choices], **kwargs)

    data: Any

    def pre_validate(self, form: Any) -> None:
        """Refuse what is not on the list."""
        if self.data is None and any(choice[0] == "" for choice in self.choices or ()):
            self.data = ""
        try:
            super().pre_validate(form)
        except ValidationError as error:
            raise ValidationError("Choose one from the list.") from error


def reason_field(description: str = "", *, label: str = "Reason", longest: int = 500) -> Any:
    """Return the field for why something is done; the description says what becomes of it."""
    return TextField(
        label,
        [Required()],
        longest=longest,
        widget=TextAreaField.widget,
        description=description,
    )


def choices_of(kind: Iterable[StrEnum]) -> list[tuple[str, str]]:
    """Return an enumeration as the choices of a field."""
    return [(member.value, words(member.value).replace("Yes no", "Yes or no")) for member in kind]


def clean_text(text: str) -> str:
    """Return text trimmed and in normal form C."""
    return unicodedata.normalize("NFC", text).strip()


def parse_day(text: str) -> date:
    """Read a date as people write it. Raises ValueError in their words."""
    plain = text.strip()
    for pattern in _DATE_FORMATS:
        try:
            found = datetime.strptime(plain, pattern).date()
        except ValueError:
            continue
        if 1900 <= found.year <= 2200 and plain.isascii():
            return found
    raise ValueError("Enter a real date, such as 2026/11/20.")


def parse_rate(text: str) -> Decimal:
    """Read a rate. Raises ValueError in the words of who types it."""
    plain = re.sub(r"[\s\u00a0]", "", text).replace(",", ".").rstrip("%")
    try:
        if not re.fullmatch(r"[0-9]{1,10}(\.[0-9]{1,8})?", plain, re.ASCII):
            raise InvalidOperation
        return Decimal(plain)
    except InvalidOperation as error:
        raise ValueError("Enter a number with at most eight decimals, such as 0,52.") from error
