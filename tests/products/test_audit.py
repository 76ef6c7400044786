"""Every write on products leaves its audit row."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from insurance.audit_logs.models import AuditEvent
from insurance.products import queries, services
from tests.factories.products import (
    NOW,
    add_death_benefit,
    ask,
    launched_version,
    make_draft,
    make_launched_product,
    make_rate_table,
)


def _actions(session: Session) -> list[str]:
    return list(session.scalars(select(AuditEvent.action).order_by(AuditEvent.id)))


def test_every_command_on_a_product_is_recorded(session: Session) -> None:
    product = make_draft()
    benefit_id = add_death_benefit(product, make_rate_table())
    rule_id = ask(product)
    services.edit_benefit(benefit_id, {"waiting_period_days": 90})
    services.edit_inception_rule(rule_id, {"is_required": False})
    services.delete_inception_rule(rule_id)
    services.edit_product(product.id, {"max_entry_age": 60}, now=NOW)
    services.launch_product(product.id, now=NOW)
    services.edit_product(product.id, {}, mode=services.EditMode.CLONE, now=NOW)
    services.discard_draft(product.id, now=NOW)
    services.withdraw_product(product.id, reason="replaced", now=NOW)
    services.delete_product(make_draft("Other").id)
    services.create_category(
        services.NewCategory(category_code="TERM", category_name="Term life", class_code="RISK"),
        now=NOW,
    )

    assert sorted(_actions(session)) == sorted(
        [
            "products.create",
            "rate_tables.create",
            "product_benefits.create",
            "inception_rules.create",
            "product_benefits.edit",
            "inception_rules.edit",
            "inception_rules.delete",
            "products.edit",
            "products.launch",
            "products.edit",
            "products.discard_draft",
            "products.withdraw",
            "products.create",
            "products.delete",
            "product_categories.create",
        ]
    )


def test_the_audit_row_of_an_edit_shows_before_and_after(session: Session) -> None:
    product = make_launched_product()
    services.edit_product(product.id, {"max_entry_age": 60}, now=NOW)

    row = session.scalars(select(AuditEvent).where(AuditEvent.action == "products.edit")).one()

    assert row.resource_id == str(product.id)
    assert row.before is not None
    assert row.after is not None
    assert (row.before["max_entry_age"], row.after["max_entry_age"]) == (65, 60)
    assert (row.before["version_number"], row.after["version_number"]) == (1, 2)


def test_the_reason_of_a_withdrawal_is_kept(session: Session) -> None:
    product = make_launched_product()
    version_id = launched_version(product).id
    services.withdraw_product(product.id, reason="replaced by Term Life 2", now=NOW)

    row = session.scalars(select(AuditEvent).where(AuditEvent.action == "products.withdraw")).one()

    assert row.reason == "replaced by Term Life 2"
    assert queries.get_version(session, version_id).status == "withdrawn"
