"""How screens print values: en-ZA money and numbers, dates as 2026/11/20, status words."""

import re
import secrets
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask, g
from jinja2 import Template
from markupsafe import Markup

from insurance.audit_logs.activity_words import activity_words
from insurance.audit_logs.models import AuditEvent
from insurance.core import clock
from insurance.core.context import current_actor
from insurance.core.money import format_money
from insurance.core.permissions import TENANT_ROLES, Permission, Role, roles_granted
from insurance.core.text import code_in_words
from insurance.customers.privacy import birth_words, may_see_identity
from insurance.web.navigation import menu
from insurance.web.static_files import asset

_SPACE = "\u00a0"
_POINT = re.compile(r"(?<![\w.])(\d+)\.(\d+)(?![\w.])")
_DAY = re.compile(r"(?<![\w-])(\d{4})-(\d{2})-(\d{2})(?![\w-])")
_TONES = {
    "ok": "active launched accepted paid posted post ok approved sent matched committed partially_approved part_paid completed applied verified holds",
    "warn": "waiting_for_approval suspended pending put patch draft quoted submitted assessed waiting partial suspense committing pending_documents outstanding due_soon escalated task planning applying blocked changed not_verified missing",
    "late": "lapsed overdue expired superseded stale reversed undone void completed_with_exceptions left_out",
    "bad": "missing rejected delete failed refused locked error reversal quarantined unpaid",
    "info": "under_assessment received claimant issued priced person company trust club burial_society partnership get overpaid previewed duplicate planned listed",
}
_TONE_OF = {word: tone for tone, words in _TONES.items() for word in words.split()}


def init_app(app: Flask) -> None:
    """Register the filters and the macros as `ui`."""
    app.jinja_env.filters.update(
        money=money,
        number=number,
        day=day,
        born=birth_words,
        moment=moment,
        age=age,
        until=until,
        percent=percent,
        phone=phone,
        said=said,
        dated=dated,
        id_number=id_number,
        activity=activity,
        size=size,
        words=words,
        rate=rate,
        shown=shown,
    )
    app.jinja_env.globals.update(
        may_see_identity=may_see_identity,
        icon=icon,
        drawer=drawer,
        tag=tag,
        tone=tone,
        roles=TENANT_ROLES,
        menu=menu,
        fresh_key=lambda: secrets.token_urlsafe(16),
    )
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.context_processor(
        lambda: {"ui": _macros(app, "ui.html"), "lists": _macros(app, "list/ui.html")}
    )


def _macros(app: Flask, name: str) -> Any:
    template: Template = app.jinja_env.get_template(name)
    module: Any = template.module
    # A page has dozens of these: they are kept as text, and are no macros.
    module.icon, module.tag, module.drawer = icon, tag, drawer
    return module


def icon(name: str) -> Markup:
    """Return a decorative icon; the word stands beside it."""
    return _icon(name, asset("icons.svg"))


@lru_cache(1024)
def _icon(name: str, drawings: str) -> Markup:
    return Markup(
        '<svg class="icon" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>'
    ).format(drawings, name)


@lru_cache(1024)
def tag(status: Any) -> Markup:
    """Return a status: word and colour."""
    return Markup('<span class="tag {}">{}</span>').format(tone(status), words(status))


def drawer(url: str) -> Markup:
    """Return the attributes of a link to an act, which opens beside the record."""
    return Markup('href="{0}" hx-get="{0}" hx-target="#drawer" hx-push-url="true"').format(url)


def money(amount: Decimal | None, decimals: int = 2) -> str:
    """Return `R 1 234,56`, or a dash."""
    return "–" if amount is None else format_money(Decimal(amount), decimals)


def number(value: int | Decimal | None) -> str:
    """Return `1 234`, or a dash."""
    return "–" if value is None else f"{value:,}".replace(",", _SPACE).replace(".", ",")


def rate(value: Decimal | None) -> str:
    """Return a rate without trailing noughts: `0,52`."""
    return "–" if value is None else f"{Decimal(value).normalize():f}".replace(".", ",")


def percent(value: Decimal | None) -> str:
    """Return `54,3%`, or a dash."""
    return "–" if value is None else rate(value) + "%"


def size(count: int) -> str:
    """Return a file's size: `12 kB`, from a million bytes on `1,2 MB`."""
    if count < 1_000_000:
        return f"{max(round(count / 1000), 1)}{_SPACE}kB"
    return f"{count / 1_000_000:.1f}".replace(".", ",") + f"{_SPACE}MB"


def said(value: Any) -> Any:
    """Return what was answered or worked out as screens print it: `1,4`, yes, a list in words."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{words(name).lower()} {said(inner)}" for name, inner in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(str(said(inner)) for inner in value)
    if isinstance(value, str | float | Decimal):
        return dated(_POINT.sub(r"\1,\2", str(value)))
    return value


def dated(value: Any) -> Any:
    """Return words with their days as screens print them: `2026-02-01` as `2026/02/01`."""
    return _DAY.sub(r"\1/\2/\3", value) if isinstance(value, str) else value


def phone(value: str | None) -> str:
    """Return a South African number as people say it, `082 123 4567`, another as it is kept."""
    if not value or not (value.startswith("+27") and len(value) == 12):
        return value or "–"
    return _SPACE.join(("0" + value[3:5], value[5:8], value[8:]))


def id_number(value: str) -> str:
    """Return a South African ID number in its groups, `870402 5009 08 7`, another as it is kept."""
    if not (len(value) == 13 and value.isdigit()):
        return value
    return _SPACE.join((value[:6], value[6:10], value[10:12], value[12:]))


def day(value: date | str | None) -> str:
    """Return `2026/11/20`, or a dash."""
    if not value:
        return "–"
    return (value if isinstance(value, str) else value.isoformat())[:10].replace("-", "/")


def moment(value: datetime | None, seconds: bool = False) -> str:
    """Return `2026/11/20 16:42` (with `:11` on request) in the tenant's time zone, or a dash."""
    if value is None:
        return "–"
    tenant = g.get("tenant")
    zone = ZoneInfo(tenant.timezone if tenant else "Africa/Johannesburg")
    local = value.astimezone(zone)
    return f"{local:%Y/%m/%d %H:%M:%S}" if seconds else f"{local:%Y/%m/%d %H:%M}"


def until(value: datetime) -> str:
    """Return a moment close by as `today 16:42`, `tomorrow 09:14` or its day, in the tenant's zone."""
    day_of, time_of = moment(value).split()
    today = moment(clock.now()).split()[0]
    tomorrow = moment(clock.now() + timedelta(days=1)).split()[0]
    return f"{ {today: 'today', tomorrow: 'tomorrow'}.get(day_of, day_of) } {time_of}"


def age_in_words(asked_at: datetime, now: datetime) -> str:
    """Return how long ago something was asked: minutes, hours or days."""
    minutes = max(int((now - asked_at).total_seconds() // 60), 0)
    for size, unit in ((24 * 60, "day"), (60, "hour"), (1, "minute")):
        count = minutes // size
        if count:
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return "less than a minute"


def age(asked_at: datetime) -> str:
    """Return how long ago a moment is, such as `3 days`."""
    return age_in_words(asked_at, clock.now())


def activity(event: AuditEvent) -> str:
    """Return what an entry of the audit log says in the words of the trade."""
    return activity_words(event.action, event.after)


@lru_cache(1024)
def words(code: Any) -> str:
    """Return a code as words: `MAIN_MEMBER` becomes `Main member`."""
    return code_in_words(code)


def roles_in_words(*permissions: Permission) -> str:
    """Return the roles that may do all of this in the organization, such as `manager, finance`."""
    changes = current_actor().grant_changes
    granted = [roles_granted(permission, changes) for permission in permissions]
    return ", ".join(words(role).lower() for role in Role if all(role in one for one in granted))


def shown(value: Any) -> Any:
    """Return an amount, a day or words as facts print them; nothing is a dash."""
    if isinstance(value, Decimal):
        return money(value)
    if isinstance(value, date):
        return day(value)
    return "–" if value in (None, "") else value


@lru_cache(1024)
def tone(status: Any) -> str:
    """Return the colour class of a status; its word is always printed too."""
    return _TONE_OF.get(str(status).lower(), "")
