"""Strict reading at the edge: what is not plain JSON of a sane size and shape is refused once, here.

Also the field types of request and answer bodies, each with the JSON schema it really accepts.
"""

import json
import re
import unicodedata
from collections.abc import Callable
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated, Any

import simplejson
from flask import Flask, Request
from flask.json.provider import JSONProvider
from pydantic import BeforeValidator, PlainSerializer, ValidationInfo, WithJsonSchema
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.utils import cached_property

from insurance.core.text import visible

MAX_BODY = 1024 * 1024
MAX_UPLOAD = 100 * 1024 * 1024
MAX_DEPTH = 32
MAX_KEYS = 10_000
_MAX_DIGITS = 40
_MONEY = re.compile(r"-?[0-9]{1,13}(\.[0-9]{1,2})?", re.ASCII)
_RATE = re.compile(r"[0-9]{1,10}(\.[0-9]{1,8})?", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


class UnreadableInputError(ValueError):
    """The body is not JSON that this product reads; the message says why."""


def read_json(body: bytes) -> Any:
    """Return the value of a JSON body. Numbers with a fraction become Decimal.

    Raises UnreadableError for anything not UTF-8, deeper than 32, with more than 10 000 keys,
    repeated keys, NaN, infinities, absurd numbers, NUL or lone surrogates. Characters that nobody
    sees (bidi controls, zero widths) are taken out of every text, and refused in keys.
    """
    if len(body) > MAX_BODY:
        raise UnreadableInputError("The body is larger than 1 MB.")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UnreadableInputError("The body is not UTF-8.") from error
    if text.startswith("\ufeff"):
        raise UnreadableInputError("The body starts with a byte order mark.")
    keys = 0

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal keys
        keys += len(pairs)
        if keys > MAX_KEYS:
            raise UnreadableInputError("The body has too many keys.")
        found = dict(pairs)
        if len(found) != len(pairs):
            raise UnreadableInputError("The body names a key twice.")
        return found

    try:
        value = json.loads(
            text,
            object_pairs_hook=unique,
            parse_float=_number,
            parse_int=_whole,
            parse_constant=_refuse_constant,
        )
        value = _checked(value, 1)
    except RecursionError as error:
        raise UnreadableInputError("The body is nested too deeply.") from error
    except UnreadableInputError:
        raise
    except ValueError as error:
        raise UnreadableInputError("The body is not valid JSON.") from error
    return value


def _number(text: str) -> Decimal:
    number = Decimal(text)
    if abs(number.adjusted()) > _MAX_DIGITS or len(number.as_tuple().digits) > _MAX_DIGITS:
        raise UnreadableInputError("A number is out of range.")
    return number


def _whole(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise UnreadableInputError("A number is out of range.")
    return int(text)


def _refuse_constant(name: str) -> None:
    raise UnreadableInputError(f"{name} is not a number here.")


def _checked(value: Any, depth: int) -> Any:
    """Return the value with its texts cleaned. Raises UnreadableError for what no text may hold."""
    if depth > MAX_DEPTH:
        raise UnreadableInputError("The body is nested too deeply.")
    if isinstance(value, str):
        if _CONTROL.search(value):
            raise UnreadableInputError("A text holds control characters.")
        return visible(value)
    if isinstance(value, dict):
        return {
            _checked_key(key, depth): _checked(inner, depth + 1) for key, inner in value.items()
        }
    if isinstance(value, list):
        return [_checked(inner, depth + 1) for inner in value]
    return value


def _checked_key(key: str, depth: int) -> str:
    if _checked(key, depth) != key:
        raise UnreadableInputError("A key holds characters that nobody sees.")
    return key


def _read_money(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
        raise ValueError("must be an amount such as 1234.56")
    written = f"{value:f}" if isinstance(value, Decimal) else str(value)
    if isinstance(value, Decimal) and "." in written:
        written = written.rstrip("0").rstrip(".") if len(written.split(".")[1]) > 2 else written
    if not _MONEY.fullmatch(written):
        raise ValueError("must be an amount with at most two decimals, such as 1234.56")
    return Decimal(written).quantize(Decimal("0.01"))


def _read_amount(value: Any) -> Decimal:
    amount = _read_money(value)
    if amount < 0:
        raise ValueError("must be zero or more")
    return amount


def _read_rate(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
        raise ValueError("must be a number")
    written = f"{value:f}" if isinstance(value, Decimal) else str(value)
    if not _RATE.fullmatch(written):
        raise ValueError("must be zero or more, with at most eight decimals")
    return Decimal(written)


def _read_day(value: Any) -> date:
    if isinstance(value, date):
        return value
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise ValueError("must be a date such as 2026-11-20")
    try:
        found = date.fromisoformat(value)
    except ValueError as error:
        raise ValueError("must be a real date such as 2026-11-20") from error
    if not 1900 <= found.year <= 2200:
        raise ValueError("must be a date between 1900 and 2200")
    return found


def _read_text(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("must be text")
    if _CONTROL.search(value):
        raise ValueError("must not hold control characters")
    return unicodedata.normalize("NFC", visible(value)).strip()


def _write_rate(value: Decimal) -> Decimal:
    return value.normalize() if value else Decimal(0)


def _answer_money(value: Any) -> Decimal:
    return Decimal(value).quantize(Decimal("0.01"), ROUND_HALF_UP)


def _as_it_is(value: Any) -> Any:
    return value


ANSWER = {"is_answer": True}
"""The context of what this product says itself: it is shaped, and never refused for its size."""


def _reading(
    read: Callable[[Any], Any], answer: Callable[[Any], Any] = _as_it_is
) -> BeforeValidator:
    """Return what reads a value strictly where it comes in, and lets it out whatever it is."""

    def shape(value: Any, info: ValidationInfo) -> Any:
        return answer(value) if info.context == ANSWER else read(value)

    return BeforeValidator(shape)


_MONEY_SCHEMA = {"type": "number", "multipleOf": 0.01}
_AMOUNT_IN = {
    "anyOf": [
        {"type": "integer", "minimum": 0, "maximum": 9_999_999_999_999},
        {"type": "string", "pattern": r"^[0-9]{1,13}(\.[0-9]{1,2})?$"},
    ],
    "description": "Rand. A number with at most two decimals is read too.",
}
_RATE_IN = {
    "anyOf": [
        {"type": "integer", "minimum": 0, "maximum": 9_999_999_999},
        {"type": "string", "pattern": r"^[0-9]{1,10}(\.[0-9]{1,8})?$"},
    ],
    "description": "A rate. A number with at most eight decimals is read too.",
}
_DAY_SCHEMA = {"type": "string", "format": "date"}

Money = Annotated[
    Decimal,
    _reading(_read_money, _answer_money),
    WithJsonSchema(_MONEY_SCHEMA, mode="serialization"),
    WithJsonSchema(_AMOUNT_IN, mode="validation"),
]
"""Rand. Read from a number or text; written as a number with two decimals."""
Amount = Annotated[
    Decimal,
    _reading(_read_amount, _answer_money),
    WithJsonSchema(_AMOUNT_IN, mode="validation"),
    WithJsonSchema(_MONEY_SCHEMA, mode="serialization"),
]
"""Rand, zero or more."""
RateNumber = Annotated[
    Decimal,
    _reading(_read_rate, Decimal),
    PlainSerializer(_write_rate, return_type=Decimal),
    WithJsonSchema(_RATE_IN, mode="validation"),
    WithJsonSchema({"type": "number"}, mode="serialization"),
]
"""A rate or factor, zero or more, at most eight decimals."""
Day = Annotated[date, _reading(_read_day), WithJsonSchema(_DAY_SCHEMA)]
"""A calendar day, YYYY-MM-DD, 1900 to 2200."""
Words = Annotated[str, _reading(_read_text)]
"""Text without control characters, trimmed, in normal form C."""


class CleanFields(Request):
    """A request whose parameters and form fields hold no characters that nobody sees.

    Passwords are left as they were typed.
    """

    @cached_property
    def args(self) -> ImmutableMultiDict[str, str]:  # type: ignore[override]
        """Return the parameters of the address."""
        return _seen(super().args)

    def _load_form_data(self) -> None:
        super()._load_form_data()
        self.__dict__["form"] = _seen(self.__dict__["form"])


def _seen(fields: Any) -> ImmutableMultiDict[str, str]:
    return ImmutableMultiDict(
        (name, value if "password" in name else visible(value))
        for name, value in fields.items(multi=True)
    )


class StrictJson(JSONProvider):
    """Flask's JSON: strict reading, and decimals written digit for digit."""

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        """Write JSON; a Decimal is a number with its own digits, so 260.00 stays 260.00."""
        return simplejson.dumps(
            obj, default=str, use_decimal=True, separators=(",", ":"), ensure_ascii=False
        )

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """Read JSON strictly."""
        return read_json(s if isinstance(s, bytes) else s.encode())


def init_app(app: Flask) -> None:
    """Use strict JSON everywhere."""
    app.json = StrictJson(app)


def clean_requests(app: Flask) -> None:
    """Take what nobody sees out of every request; after whatever else sets the request's class."""
    app.request_class = type("CleanRequest", (CleanFields, app.request_class), {})
