"""What has its day today, how the book compares with a month ago, and whether the platform works."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from flask import Flask
from redis import Redis
from redis.exceptions import ConnectionError as NoConnectionError
from sqlalchemy.orm import Session

from insurance.core import clock, files
from insurance.core.db import transaction
from insurance.core.period import add_months
from insurance.core.permissions import Role
from insurance.core.settings import Settings
from insurance.jobs import policies as jobs
from insurance.notifications.queries import get_mail
from insurance.notifications.services import send_later
from insurance.policies.portfolio_days import (
    find_anniversaries,
    find_portfolio_day,
    keep_portfolio_day,
)
from tests.factories.identity import SignedInClient
from tests.factories.lifecycle import sell

SignIn = Callable[..., SignedInClient]
TODAY = clock.today("Africa/Johannesburg")


def test_a_policy_has_its_anniversary_on_the_day_of_its_start_and_on_no_other(
    session: Session,
) -> None:
    sell(date(2025, 3, 14))

    counts = [
        find_anniversaries(session, day)[0].count
        for day in (date(2025, 3, 14), date(2026, 3, 13), date(2026, 3, 14), date(2027, 3, 14))
    ]

    assert counts == [0, 0, 1, 1]


def test_who_began_on_29_february_has_the_28th_in_other_years(session: Session) -> None:
    sell(date(2024, 2, 29))

    counts = [
        find_anniversaries(session, day)[0].count
        for day in (date(2025, 2, 28), date(2025, 3, 1), date(2028, 2, 28), date(2028, 2, 29))
    ]

    assert counts == [1, 0, 0, 1]


def test_home_says_how_the_book_stood_a_month_before(sign_in: SignIn, session: Session) -> None:
    before, now = add_months(TODAY, -1), clock.now()
    sell(before)
    keep_portfolio_day(on=before, now=now)
    sell(TODAY)
    client = sign_in(Role.MANAGER)

    home = client.get(client.url("/")).text

    assert f"↑ 1 more (100%) than on {before:%Y/%m/%d}" in home


def test_without_a_day_to_compare_with_nothing_is_said(sign_in: SignIn, session: Session) -> None:
    sell(TODAY)
    client = sign_in(Role.MANAGER)

    assert "more (" not in client.get(client.url("/")).text


def test_the_last_time_on_a_day_is_what_stays_of_it(session: Session) -> None:
    jobs.keep_portfolio_day()
    sell(TODAY)
    jobs.keep_portfolio_day()

    kept = find_portfolio_day(session, TODAY)

    assert kept is not None
    assert kept.active_policies == 1
    assert find_portfolio_day(session, TODAY - timedelta(days=1)) is None
    assert find_portfolio_day(session, TODAY + timedelta(days=8)) is None


def test_home_offers_what_the_role_does_next_by_one_key(sign_in: SignIn) -> None:
    keys = {}
    for role in (Role.AGENT, Role.CLAIMS_ASSESSOR, Role.FINANCE, Role.AUDITOR):
        client = sign_in(role)
        home = client.get(client.url("/")).text
        main = home[home.index("<main") :]
        keys[role] = [key for key in "nebd" if f'data-key="{key}"' in main]

    assert keys == {
        Role.AGENT: ["n"],
        Role.CLAIMS_ASSESSOR: ["e"],
        Role.FINANCE: ["b", "d"],
        Role.AUDITOR: [],
    }


def test_the_cards_say_what_each_licensed_class_covers(sign_in: SignIn) -> None:
    client = sign_in(Role.AUDITOR)

    home = client.get(client.url("/")).text

    assert "Individual and group death, disability" in home
    assert "Regular income for life" in home


def test_every_part_of_the_platform_is_asked_how_it_is(sign_in: SignIn) -> None:
    client, agent = sign_in(Role.TENANT_ADMINISTRATOR), sign_in(Role.AGENT)

    health = client.get(client.url("/health")).text

    assert "platform health" in client.get(client.url("/")).text
    assert "platform health" not in agent.get(agent.url("/")).text.lower()
    assert agent.get(agent.url("/health")).status_code == 403
    for name in ("database", "Queue", "worker", "Mail", "Documents", "sealing", "Backup"):
        assert name in health
    assert "no worker has been seen" in health  # none runs in tests
    assert "Full policy life cycle" in health


def test_a_mail_that_failed_shows_in_the_health(sign_in: SignIn, session: Session) -> None:
    with transaction() as writing:
        mail_id = send_later(writing, "password_changed", to="a@b.example", name="A")
        get_mail(writing, mail_id).failed_at = clock.now()
    client = sign_in(Role.TENANT_ADMINISTRATOR)

    assert "1 failed" in client.get(client.url("/health")).text


def test_a_queue_that_is_down_is_said_and_the_rest_still_shows(app: Flask, sign_in: SignIn) -> None:
    client, redis = sign_in(Role.TENANT_ADMINISTRATOR), app.extensions["redis"]
    app.extensions["redis"] = Redis(host="127.0.0.1", port=1)
    try:
        with pytest.raises(NoConnectionError):
            app.extensions["redis"].ping()
        health = client.get(client.url("/health"))
    finally:
        app.extensions["redis"] = redis

    assert health.status_code == 200
    assert "does not answer" in health.text
    assert "Connected" in health.text


def test_a_store_of_files_that_does_not_answer_is_said(
    app: Flask, sign_in: SignIn, settings: Settings
) -> None:
    client, folder = sign_in(Role.TENANT_ADMINISTRATOR), settings.instance / "files"
    assert "kept in a folder" in client.get(client.url("/health")).text
    files.use_store(folder, "s3+http://key:secret@127.0.0.1:1/bucket")
    try:
        health = client.get(client.url("/health")).text
    finally:
        files.use_store(folder)

    assert "kept in" not in health
    assert "2 to look at" in health  # and no worker runs in tests
