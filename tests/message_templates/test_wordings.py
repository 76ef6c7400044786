"""What may be written in a mail, which words count, and what arrives."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from insurance.audit_logs.models import AuditEvent
from insurance.core import clock
from insurance.core.db import transaction
from insurance.core.errors import ConflictError, DomainError, NotFoundError, StaleError
from insurance.core.settings import Settings
from insurance.core.tenancy import tenant_scope
from insurance.message_templates import queries, services
from insurance.message_templates.kinds import recipient_of, samples_of, variables_of
from insurance.message_templates.rules import check_wording
from insurance.notifications.languages import Language
from insurance.notifications.models import Mail
from insurance.notifications.services import Letter, send_all_later, send_later, send_mail
from insurance.notifications.texts import PERSONAL, TEXTS
from insurance.notifications.translations import TRANSLATIONS
from insurance.notifications.wordings import Wording, shipped_wording
from tests.factories.organizations import OrganizationFacts
from tests.factories.postbox import Postbox

KIND, ENGLISH = "claim_reopened", Language.ENGLISH
OURS = "Good day {name}\n\nYour claim {number} is with Nomsa now.\n"
VALUES = {"name": "Thandi", "number": "CLM-1", "organization": "Ubuntu Life"}


def _write(body: str = OURS, *, version: int = 0, language: Language = ENGLISH) -> int:
    return services.save_template(
        KIND, language, "Claim {number}", body, version=version, now=clock.now()
    ).number


def _ask(kind: str = KIND, **values: str) -> Mail:
    with transaction() as session:
        mail_id = send_later(session, kind, to="thandi@x.example", **(VALUES | values))
        return session.scalars(select(Mail).where(Mail.id == mail_id)).one()


@pytest.mark.parametrize("kind", sorted(TEXTS))
def test_the_products_own_words_of_every_kind_hold_to_the_rules(kind: str) -> None:
    variables = variables_of(kind)
    for language in Language:
        if wording := shipped_wording(kind, language):
            assert check_wording(kind, wording, variables) == wording
            assert "{" not in "".join(wording.fill(samples_of(kind)))
    assert recipient_of(kind)
    assert kind not in PERSONAL or variables["link"].is_required


def test_a_mail_arrives_in_the_insurers_words_and_says_which_version(
    session: Session,
    org: OrganizationFacts,
    mail_settings: Settings,
    box: tuple[Postbox, str],
) -> None:
    before = _ask()
    _write()
    mail = _ask()
    send_mail(mail.id, mail_settings)

    arrived = box[0].received[0]
    assert arrived["Subject"] == "Claim CLM-1"
    words = arrived.get_payload(decode=True).decode()  # type: ignore[union-attr]
    assert " ".join(words.split()) == "Good day Thandi Your claim CLM-1 is with Nomsa now."
    assert (before.wording, mail.wording) == ("Built in, English", "Version 1, English")
    with transaction() as running:
        send_all_later(running, [Letter(KIND, "thandi@x.example", VALUES)])
    newest = session.scalars(select(Mail).order_by(Mail.id.desc()).limit(1)).one()
    assert (newest.subject, newest.template_version) == ("Claim CLM-1", 1)


def test_an_earlier_version_is_put_to_use_again_and_nothing_is_lost(
    session: Session, org: OrganizationFacts
) -> None:
    _write()
    _write(f"{OURS}Version two.\n", version=1)
    services.use_version(KIND, ENGLISH, 1, version=2, now=clock.now())
    assert _ask().template_version == 1
    services.use_version(KIND, ENGLISH, 0, version=3, now=clock.now())
    assert _ask().wording == "Built in, English"

    assert [one.number for one in queries.list_versions(session, KIND, ENGLISH)] == [2, 1]
    with pytest.raises(ConflictError):
        services.use_version(KIND, ENGLISH, 0, version=4, now=clock.now())
    with pytest.raises(NotFoundError):
        services.use_version(KIND, ENGLISH, 3, version=4, now=clock.now())
    audited = session.scalars(
        select(AuditEvent).where(AuditEvent.resource == "message_templates")
    ).all()
    assert [one.action.rpartition(".")[2] for one in audited] == ["save", "save", "use", "use"]


def test_who_saves_second_is_shown_both_texts(session: Session, org: OrganizationFacts) -> None:
    _write()
    with pytest.raises(StaleError) as refused:
        _write("Mine: {number}")
    assert (refused.value.theirs["body"], refused.value.yours["body"]) == (OURS, "Mine: {number}\n")
    with pytest.raises(ConflictError, match="in use already"):
        _write(version=1)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("{{ config }}", "no code"),
        ("{{ ''.__class__.__mro__ }}", "no code"),
        ("{% for one in name %}{{ one }}{% endfor %}", "no code"),
        ("{name.__class__}", "no value {name.__class__}"),
        ("{name!r:>900000000}", "no value"),
        ("{0}", "no value {0}"),
        ("{premium}", "There are {name}, {number}, {organization}."),
        ("{Name}", "no value"),
        ("50 % } off", "brace stands alone"),
        ("", "empty"),
        ("x" * 5001, "At most 5000"),
        ("a\x00b", "printed or seen"),
        ("pay \u202eereh", "printed or seen"),
    ],
)
def test_a_mail_holds_words_and_its_own_values_and_nothing_else(body: str, says: str) -> None:
    with pytest.raises(DomainError) as refused:
        check_wording(KIND, Wording("Claim", body), variables_of(KIND))

    assert [error.field for error in refused.value.errors] == ["body"]
    assert says in refused.value.errors[0].message


def test_a_value_that_looks_like_a_place_is_no_place(
    session: Session, org: OrganizationFacts
) -> None:
    _write("{name}, {number}")

    assert _ask(name="{organization} {number} {{ config }}").body == (
        "{organization} {number} {{ config }}, CLM-1\n"
    )


@pytest.mark.parametrize(
    ("kind", "left_out"),
    [("non_payment_notice", "grace_end"), ("non_payment_notice", "amount")]
    + [(kind, "link") for kind in sorted(PERSONAL)],
)
def test_a_notice_says_what_it_is_worthless_without(kind: str, left_out: str) -> None:
    shipped = shipped_wording(kind)
    assert shipped is not None
    without = Wording(shipped.subject, shipped.body.replace(f"{{{left_out}}}", "-"))
    with pytest.raises(DomainError, match=f"must say {{{left_out}}}"):
        check_wording(kind, without, variables_of(kind))


def test_a_personal_link_never_stands_in_a_subject() -> None:
    shipped = shipped_wording("password_reset")
    assert shipped is not None
    with pytest.raises(DomainError, match="not here"):
        check_wording(
            "password_reset", Wording("{link}", shipped.body), variables_of("password_reset")
        )


def test_the_insurers_language_chooses_the_words_where_there_are_some(
    session: Session, org: OrganizationFacts
) -> None:
    services.choose_language(Language.AFRIKAANS, version=0)
    notice = "non_payment_notice"
    assert _ask(notice, **samples_of(notice)).subject == (
        "Ons het nie u premie vir polis PL-2026-000001 ontvang nie"
    )
    assert _ask().wording == "Built in, English"
    _write("Eis {number}", language=Language.AFRIKAANS)
    _write("Isicelo {number}", language=Language.ISIZULU)
    assert _ask().wording == "Version 1, Afrikaans"
    with pytest.raises(StaleError):
        services.choose_language(Language.ISIZULU, version=0)
    services.choose_language(Language.ISIZULU, version=1)
    assert (_ask().body, _ask(notice, **samples_of(notice)).language) == ("Isicelo CLM-1\n", "en")
    assert set(TRANSLATIONS) == {(notice, Language.AFRIKAANS)}


def test_one_insurers_words_are_in_no_other_insurers_mail(
    session: Session, org: OrganizationFacts, other_org: OrganizationFacts
) -> None:
    _write()
    with tenant_scope(other_org.id):
        assert _ask().wording == "Built in, English"
        assert queries.list_versions(session, KIND, ENGLISH) == []
        with pytest.raises(NotFoundError):
            services.use_version(KIND, ENGLISH, 1, version=0, now=clock.now())
