"""tables of new business

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
revision = '0002'
down_revision = '0001'


def upgrade() -> None:
    op.create_table('api_keys',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('key_hash', sa.LargeBinary(), nullable=False),
    sa.Column('hint', sa.Text(), nullable=False),
    sa.Column('scopes', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('last_used_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('revoked_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('api_keys_pk')),
    sa.UniqueConstraint('key_hash', name=op.f('api_keys_key_hash_key')),
    schema='cp'
    )
    op.protect_table('cp.api_keys', 'control')
    op.create_table('mailed_links',
    sa.Column('token_hash', sa.LargeBinary(), nullable=False),
    sa.Column('kind', sa.Enum('INVITATION', 'PASSWORD_RESET', name='linkkind', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('used_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('token_hash', name=op.f('mailed_links_pk')),
    schema='cp'
    )
    op.protect_table('cp.mailed_links', 'control')
    op.create_table('memberships',
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('role', sa.Enum('platform_administrator', 'tenant_administrator', 'manager', 'senior_agent', 'agent', 'underwriter', 'claims_assessor', 'finance', 'auditor', name='role', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('user_id', 'org_id', 'role', name=op.f('memberships_pk')),
    schema='cp'
    )
    op.protect_table('cp.memberships', 'control')
    op.create_table('org_directory',
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('slug', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('kind', sa.Enum('PLATFORM', 'INSURER', name='organizationkind', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('licence_type', sa.Enum('LIFE', 'NON_LIFE', 'MICRO', name='licencetype', native_enum=False, create_constraint=True, length=40), nullable=True),
    sa.Column('timezone', sa.Text(), nullable=False),
    sa.Column('currency', sa.Text(), nullable=False),
    sa.Column('requires_mfa', sa.Boolean(), nullable=False),
    sa.Column('session_idle_minutes', sa.BigInteger(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('org_id', name=op.f('org_directory_pk')),
    sa.UniqueConstraint('slug', name=op.f('org_directory_slug_key')),
    schema='cp'
    )
    op.protect_table('cp.org_directory', 'control')
    op.create_table('recovery_codes',
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('code_hash', sa.LargeBinary(), nullable=False),
    sa.Column('used_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('user_id', 'code_hash', name=op.f('recovery_codes_pk')),
    schema='cp'
    )
    op.protect_table('cp.recovery_codes', 'control')
    op.create_table('sessions',
    sa.Column('id_hash', sa.LargeBinary(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=True),
    sa.Column('data', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
    sa.Column('ip', sa.Text(), nullable=True),
    sa.Column('user_agent', sa.Text(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('last_seen_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id_hash', name=op.f('sessions_pk')),
    schema='cp'
    )
    op.protect_table('cp.sessions', 'control')
    op.create_table('token_grants',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('refresh_hash', sa.LargeBinary(), nullable=False),
    sa.Column('spent_hashes', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('revoked_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('token_grants_pk')),
    sa.UniqueConstraint('refresh_hash', name=op.f('token_grants_refresh_hash_key')),
    schema='cp'
    )
    op.protect_table('cp.token_grants', 'control')
    op.create_table('users',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('email', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('password_hash', sa.Text(), nullable=True),
    sa.Column('password_changed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('totp_secret', sa.Text(), nullable=True),
    sa.Column('totp_enabled_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('totp_last_step', sa.BigInteger(), nullable=True),
    sa.Column('failed_logins', sa.BigInteger(), nullable=False),
    sa.Column('locked_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('disabled_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('preferences', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint('email = lower(email)', name=op.f('users_email_lower_check')),
    sa.PrimaryKeyConstraint('id', name=op.f('users_pk')),
    sa.UniqueConstraint('email', name=op.f('users_email_key')),
    schema='cp'
    )
    op.protect_table('cp.users', 'control')
    op.create_table('benefit_types',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('display_order', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('benefit_types_pk')),
    sa.UniqueConstraint('code', name='benefit_types_code_key'),
    schema='ins'
    )
    op.protect_table('ins.benefit_types', 'reference')
    op.create_table('customers',
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.Enum('PERSON', 'COMPANY', name='customerkind', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('first_name', sa.Text(), nullable=True),
    sa.Column('last_name', sa.Text(), nullable=True),
    sa.Column('company_name', sa.Text(), nullable=True),
    sa.Column('registration_number', sa.Text(), nullable=True),
    sa.Column('display_name', sa.Text(), nullable=False),
    sa.Column('match_name', sa.Text(), nullable=False),
    sa.Column('search_text', sa.Text(), nullable=False),
    sa.Column('id_number_cipher', sa.Text(), nullable=True),
    sa.Column('id_number_index', sa.LargeBinary(), nullable=True),
    sa.Column('id_number_masked', sa.Text(), nullable=True),
    sa.Column('passport_cipher', sa.Text(), nullable=True),
    sa.Column('passport_index', sa.LargeBinary(), nullable=True),
    sa.Column('passport_masked', sa.Text(), nullable=True),
    sa.Column('passport_country', sa.Text(), nullable=True),
    sa.Column('date_of_birth', sa.Date(), nullable=True),
    sa.Column('gender', sa.Enum('MALE', 'FEMALE', 'UNISEX', name='gender', native_enum=False, create_constraint=True, length=40), nullable=True),
    sa.Column('email', sa.Text(), nullable=True),
    sa.Column('phone', sa.Text(), nullable=True),
    sa.Column('consents', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
    sa.Column('version', sa.BigInteger(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("(kind = 'PERSON' AND first_name IS NOT NULL AND last_name IS NOT NULL) OR (kind = 'COMPANY' AND company_name IS NOT NULL)", name=op.f('customers_has_name_check')),
    sa.PrimaryKeyConstraint('org_id', 'id', name=op.f('customers_pk')),
    sa.UniqueConstraint('org_id', 'id_number_index', name='customers_id_number_key'),
    sa.UniqueConstraint('org_id', 'passport_index', name='customers_passport_key'),
    sa.UniqueConstraint('org_id', 'registration_number', name='customers_registration_key'),
    schema='ins'
    )
    op.protect_table('ins.customers', 'tenant')
    op.create_table('dated_parameters',
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('valid_from', sa.Date(), nullable=False),
    sa.Column('value', sa.Numeric(precision=18, scale=8), nullable=False),
    sa.Column('source', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('code', 'valid_from', name=op.f('dated_parameters_pk')),
    schema='ins'
    )
    op.protect_table('ins.dated_parameters', 'reference')
    op.create_table('idempotency_keys',
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('key', sa.Text(), nullable=False),
    sa.Column('route', sa.Text(), nullable=False),
    sa.Column('body_hash', sa.LargeBinary(), nullable=False),
    sa.Column('status', sa.BigInteger(), nullable=True),
    sa.Column('answer', sa.Text(), nullable=True),
    sa.Column('headers', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('lease_until', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('org_id', 'key', name=op.f('idempotency_keys_pk')),
    schema='ins'
    )
    op.protect_table('ins.idempotency_keys', 'tenant')
    op.create_table('jobs_outbox',
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('arguments', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
    sa.Column('request_id', sa.Text(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('run_after', sa.DateTime(timezone=True), nullable=False),
    sa.Column('attempts', sa.BigInteger(), nullable=False),
    sa.Column('done_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('error', sa.Text(), nullable=True),
    sa.PrimaryKeyConstraint('org_id', 'id', name=op.f('jobs_outbox_pk')),
    schema='ins'
    )
    op.protect_table('ins.jobs_outbox', 'tenant')
    op.create_table('ledger_accounts',
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('kind', sa.Enum('ASSET', 'LIABILITY', 'INCOME', 'EXPENSE', name='accountkind', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.PrimaryKeyConstraint('org_id', 'code', name=op.f('ledger_accounts_pk')),
    schema='ins'
    )
    op.protect_table('ins.ledger_accounts', 'tenant')
    op.create_table('mails',
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('recipient', sa.Text(), nullable=False),
    sa.Column('subject', sa.Text(), nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('sent_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('attempts', sa.BigInteger(), nullable=False),
    sa.Column('error', sa.Text(), nullable=True),
    sa.Column('request_id', sa.Text(), nullable=True),
    sa.PrimaryKeyConstraint('org_id', 'id', name=op.f('mails_pk')),
    schema='ins'
    )
    op.protect_table('ins.mails', 'tenant')
    op.create_table('number_series',
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('series', sa.Text(), nullable=False),
    sa.Column('year', sa.BigInteger(), nullable=False),
    sa.Column('last_number', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('org_id', 'series', 'year', name=op.f('number_series_pk')),
    schema='ins'
    )
    op.protect_table('ins.number_series', 'tenant')
    op.create_table('organizations',
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.Enum('PLATFORM', 'INSURER', name='organizationkind', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('slug', sa.Text(), nullable=False),
    sa.Column('description', sa.Text(), nullable=False),
    sa.Column('licence_type', sa.Enum('LIFE', 'NON_LIFE', 'MICRO', name='licencetype', native_enum=False, create_constraint=True, length=40), nullable=True),
    sa.Column('currency', sa.Text(), nullable=False),
    sa.Column('timezone', sa.Text(), nullable=False),
    sa.Column('requires_mfa', sa.Boolean(), nullable=False),
    sa.Column('session_idle_minutes', sa.BigInteger(), nullable=False),
    sa.Column('version', sa.BigInteger(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("(kind = 'PLATFORM') = (licence_type IS NULL)", name=op.f('organizations_insurer_has_licence_check')),
    sa.CheckConstraint('session_idle_minutes BETWEEN 5 AND 720', name=op.f('organizations_idle_minutes_check')),
    sa.PrimaryKeyConstraint('org_id', name=op.f('organizations_pk')),
    schema='ins'
    )
    op.protect_table('ins.organizations', 'tenant')
    op.create_table('portfolio_counts',
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('product_id', sa.Uuid(), nullable=False),
    sa.Column('status', sa.Enum('active', 'suspended', 'lapsed', 'cancelled', 'expired', name='policystatus', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('shard', sa.BigInteger(), nullable=False),
    sa.Column('policies', sa.BigInteger(), nullable=False),
    sa.Column('monthly_premium', sa.Numeric(precision=18, scale=2), nullable=False),
    sa.Column('cover', sa.Numeric(precision=18, scale=2), nullable=False),
    sa.PrimaryKeyConstraint('org_id', 'product_id', 'status', 'shard', name=op.f('portfolio_counts_pk')),
    schema='ins'
    )
    op.protect_table('ins.portfolio_counts', 'tenant')
    op.create_table('product_classes',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('code', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('category', sa.Enum('LIFE', 'NON_LIFE', name='category', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('act_reference', sa.Text(), nullable=False),
    sa.Column('display_order', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('product_classes_pk')),
    sa.UniqueConstraint('code', name='product_classes_code_key'),
    schema='ins'
    )
    op.protect_table('ins.product_classes', 'reference')
    op.create_table('rate_tables',
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('table_code', sa.Text(), nullable=False),
    sa.Column('table_name', sa.Text(), nullable=False),
    sa.Column('version', sa.BigInteger(), nullable=False),
    sa.Column('rate_basis', sa.Enum('PER_MILLE', 'PER_CENT', 'FLAT', name='ratebasis', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('method', sa.Enum('MATRIX', 'MULTIPLICATIVE', name='ratemethod', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('rating_factors', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
    sa.Column('base_rate', sa.Numeric(precision=18, scale=8), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('org_id', 'id', name=op.f('rate_tables_pk')),
    sa.UniqueConstraint('org_id', 'table_code', 'version', name=op.f('rate_tables_version_key')),
    schema='ins'
    )
    op.protect_table('ins.rate_tables', 'tenant')
    op.create_table('tenant_counts',
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('subject', sa.Text(), nullable=False),
    sa.Column('shard', sa.BigInteger(), nullable=False),
    sa.Column('items', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('org_id', 'subject', 'shard', name=op.f('tenant_counts_pk')),
    schema='ins'
    )
    op.protect_table('ins.tenant_counts', 'tenant')
    op.create_table('allowed_benefits',
    sa.Column('class_code', sa.Text(), nullable=False),
    sa.Column('benefit_type_code', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('class_code', 'benefit_type_code', name=op.f('allowed_benefits_pk')),
    schema='ins'
    )
    op.protect_table('ins.allowed_benefits', 'reference')
    op.create_table('customer_addresses',
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('customer_id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.Enum('RESIDENTIAL', 'POSTAL', name='addresskind', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('line1', sa.Text(), nullable=False),
    sa.Column('line2', sa.Text(), nullable=False),
    sa.Column('suburb', sa.Text(), nullable=False),
    sa.Column('city', sa.Text(), nullable=False),
    sa.Column('province', sa.Text(), nullable=False),
    sa.Column('postal_code', sa.Text(), nullable=False),
    sa.Column('country', sa.Text(), server_default=sa.text("'ZA'"), nullable=False),
    sa.PrimaryKeyConstraint('org_id', 'id', name=op.f('customer_addresses_pk')),
    sa.UniqueConstraint('org_id', 'customer_id', 'kind', name='customer_addresses_kind_key'),
    schema='ins'
    )
    op.protect_table('ins.customer_addresses', 'tenant')
    op.create_table('customer_bank_accounts',
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('customer_id', sa.Uuid(), nullable=False),
    sa.Column('holder', sa.Text(), nullable=False),
    sa.Column('bank', sa.Text(), nullable=False),
    sa.Column('branch_code', sa.Text(), nullable=False),
    sa.Column('account_type', sa.Text(), nullable=False),
    sa.Column('account_number_cipher', sa.Text(), nullable=False),
    sa.Column('account_number_masked', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('org_id', 'id', name=op.f('customer_bank_accounts_pk')),
    schema='ins'
    )
    op.protect_table('ins.customer_bank_accounts', 'tenant')
    op.create_table('licensed_classes',
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('class_code', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('org_id', 'class_code', name=op.f('licensed_classes_pk')),
    schema='ins'
    )
    op.protect_table('ins.licensed_classes', 'tenant')
    op.create_table('product_categories',
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('class_code', sa.Text(), nullable=False),
    sa.Column('category_code', sa.Text(), nullable=False),
    sa.Column('category_name', sa.Text(), nullable=False),
    sa.Column('description', sa.Text(), nullable=False),
    sa.Column('target_market', sa.Enum('RETAIL', 'CORPORATE', name='targetmarket', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('org_id', 'id', name=op.f('product_categories_pk')),
    sa.UniqueConstraint('org_id', 'category_code', name=op.f('product_categories_category_code_key')),
    schema='ins'
    )
    op.protect_table('ins.product_categories', 'tenant')
    op.create_table('rate_relativities',
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('rate_table_id', sa.Uuid(), nullable=False),
    sa.Column('factor', sa.Text(), nullable=False),
    sa.Column('level', sa.Text(), nullable=False),
    sa.Column('relativity', sa.Numeric(precision=18, scale=8), nullable=False),
    sa.CheckConstraint('relativity > 0', name=op.f('rate_relativities_relativity_check')),
    sa.PrimaryKeyConstraint('org_id', 'id', name=op.f('rate_relativities_pk')),
    sa.UniqueConstraint('org_id', 'rate_table_id', 'factor', 'level', name='rate_relativities_level_key'),
    schema='ins'
    )
    op.protect_table('ins.rate_relativities', 'tenant')
    op.create_table('rate_table_entries',
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('rate_table_id', sa.Uuid(), nullable=False),
    sa.Column('age_from', sa.BigInteger(), nullable=True),
    sa.Column('age_to', sa.BigInteger(), nullable=True),
    sa.Column('gender', sa.Text(), nullable=False),
    sa.Column('factors', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
    sa.Column('rate', sa.Numeric(precision=18, scale=8), nullable=False),
    sa.CheckConstraint('age_from <= age_to', name=op.f('rate_table_entries_ages_check')),
    sa.CheckConstraint('rate >= 0', name=op.f('rate_table_entries_rate_check')),
    sa.PrimaryKeyConstraint('org_id', 'id', name=op.f('rate_table_entries_pk')),
    schema='ins'
    )
    op.protect_table('ins.rate_table_entries', 'tenant')
    op.create_table('products',
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('slug', sa.Text(), nullable=False),
    sa.Column('description', sa.Text(), nullable=False),
    sa.Column('class_code', sa.Text(), nullable=False),
    sa.Column('category_id', sa.Uuid(), nullable=True),
    sa.Column('product_type', sa.Text(), nullable=False),
    sa.Column('status', sa.Enum('draft', 'launched', 'withdrawn', name='productstatus', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('version', sa.BigInteger(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('org_id', 'id', name=op.f('products_pk')),
    sa.UniqueConstraint('org_id', 'slug', name=op.f('products_slug_key')),
    schema='ins'
    )
    op.protect_table('ins.products', 'tenant')
    op.create_table('product_versions',
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('product_id', sa.Uuid(), nullable=False),
    sa.Column('number', sa.BigInteger(), nullable=False),
    sa.Column('status', sa.Enum('draft', 'launched', 'superseded', 'withdrawn', name='versionstatus', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('pricing_method', sa.Enum('BENEFIT_LEVEL', 'FLAT', 'RATE_TABLE', name='pricingmethod', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('base_premium', sa.Numeric(precision=18, scale=2), nullable=True),
    sa.Column('rate_table_id', sa.Uuid(), nullable=True),
    sa.Column('coverage_amount', sa.Numeric(precision=18, scale=2), nullable=True),
    sa.Column('min_entry_age', sa.BigInteger(), nullable=True),
    sa.Column('max_entry_age', sa.BigInteger(), nullable=True),
    sa.Column('min_sum_assured', sa.Numeric(precision=18, scale=2), nullable=True),
    sa.Column('max_sum_assured', sa.Numeric(precision=18, scale=2), nullable=True),
    sa.Column('waiting_period_days', sa.BigInteger(), nullable=False),
    sa.Column('term_type', sa.Enum('FIXED_TERM', 'WHOLE_OF_LIFE', name='termtype', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('default_term_years', sa.BigInteger(), nullable=False),
    sa.Column('premium_projection_type', sa.Enum('LEVEL', 'INDEXED', 'STEPPED', 'REVIEWABLE', name='projectiontype', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('quote_valid_days', sa.BigInteger(), nullable=False),
    sa.Column('backdating_limit_days', sa.BigInteger(), nullable=False),
    sa.Column('modal_loadings', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('launched_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint('min_entry_age <= max_entry_age', name=op.f('product_versions_entry_ages_check')),
    sa.CheckConstraint('min_sum_assured <= max_sum_assured', name=op.f('product_versions_sums_assured_check')),
    sa.PrimaryKeyConstraint('org_id', 'id', name=op.f('product_versions_pk')),
    sa.UniqueConstraint('org_id', 'product_id', 'number', name='product_versions_number_key'),
    schema='ins'
    )
    op.protect_table('ins.product_versions', 'tenant')
    op.create_table('inception_rules',
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('product_version_id', sa.Uuid(), nullable=False),
    sa.Column('field_code', sa.Text(), nullable=False),
    sa.Column('label', sa.Text(), nullable=False),
    sa.Column('field_type', sa.Enum('TEXT', 'NUMBER', 'DATE', 'CHOICE', 'YES_NO', name='fieldtype', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('is_required', sa.Boolean(), nullable=False),
    sa.Column('options', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
    sa.Column('min_value', sa.Numeric(precision=18, scale=2), nullable=True),
    sa.Column('max_value', sa.Numeric(precision=18, scale=2), nullable=True),
    sa.Column('display_order', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('org_id', 'id', name=op.f('inception_rules_pk')),
    sa.UniqueConstraint('org_id', 'product_version_id', 'field_code', name='inception_rules_field_key'),
    schema='ins'
    )
    op.protect_table('ins.inception_rules', 'tenant')
    op.create_table('product_benefits',
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('product_version_id', sa.Uuid(), nullable=False),
    sa.Column('benefit_code', sa.Text(), nullable=False),
    sa.Column('benefit_name', sa.Text(), nullable=False),
    sa.Column('benefit_type_code', sa.Text(), nullable=False),
    sa.Column('benefit_amount_type', sa.Enum('SUM_INSURED', 'FIXED', 'PERCENTAGE', 'MULTIPLE', name='amounttype', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('default_amount', sa.Numeric(precision=18, scale=2), nullable=True),
    sa.Column('max_amount', sa.Numeric(precision=18, scale=2), nullable=True),
    sa.Column('waiting_period_days', sa.BigInteger(), nullable=False),
    sa.Column('is_mandatory', sa.Boolean(), nullable=False),
    sa.Column('display_order', sa.BigInteger(), nullable=False),
    sa.Column('member_role', sa.Enum('MAIN_MEMBER', 'SPOUSE', 'CHILD', 'PARENT', 'EXTENDED', 'ALL', name='memberrole', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('rate_table_id', sa.Uuid(), nullable=True),
    sa.Column('rate_basis', sa.Enum('PER_MILLE', 'PER_CENT', 'FLAT_AMOUNT', name='benefitratebasis', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('flat_premium', sa.Numeric(precision=18, scale=2), nullable=True),
    sa.Column('per_policy', sa.Boolean(), nullable=False),
    sa.PrimaryKeyConstraint('org_id', 'id', name=op.f('product_benefits_pk')),
    sa.UniqueConstraint('org_id', 'product_version_id', 'benefit_code', name='product_benefits_code_key'),
    schema='ins'
    )
    op.protect_table('ins.product_benefits', 'tenant')
    op.create_table('quotes',
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('quote_number', sa.Text(), nullable=False),
    sa.Column('status', sa.Enum('quoted', 'accepted', 'declined', name='quotestatus', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('product_id', sa.Uuid(), nullable=False),
    sa.Column('product_version_id', sa.Uuid(), nullable=False),
    sa.Column('customer_id', sa.Uuid(), nullable=False),
    sa.Column('comparison_id', sa.Uuid(), nullable=True),
    sa.Column('age', sa.BigInteger(), nullable=True),
    sa.Column('gender', sa.Text(), nullable=True),
    sa.Column('sum_assured', sa.Numeric(precision=18, scale=2), nullable=False),
    sa.Column('term_years', sa.BigInteger(), nullable=False),
    sa.Column('monthly_premium', sa.Numeric(precision=18, scale=2), nullable=False),
    sa.Column('annual_premium', sa.Numeric(precision=18, scale=2), nullable=False),
    sa.Column('request', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
    sa.Column('benefit_premiums', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
    sa.Column('insured_lives', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
    sa.Column('worksheet', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
    sa.Column('priced_on', sa.Date(), nullable=False),
    sa.Column('expires_on', sa.Date(), nullable=False),
    sa.Column('version', sa.BigInteger(), nullable=False),
    sa.Column('created_by', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('accepted_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint('monthly_premium >= 0', name=op.f('quotes_premium_check')),
    sa.PrimaryKeyConstraint('org_id', 'id', name=op.f('quotes_pk')),
    sa.UniqueConstraint('org_id', 'quote_number', name=op.f('quotes_quote_number_key')),
    schema='ins'
    )
    op.protect_table('ins.quotes', 'tenant')
    op.create_table('policies',
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('policy_number', sa.Text(), nullable=False),
    sa.Column('status', sa.Enum('active', 'suspended', 'lapsed', 'cancelled', 'expired', name='policystatus', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('product_id', sa.Uuid(), nullable=False),
    sa.Column('product_version_id', sa.Uuid(), nullable=False),
    sa.Column('customer_id', sa.Uuid(), nullable=False),
    sa.Column('quote_id', sa.Uuid(), nullable=True),
    sa.Column('effective_date', sa.Date(), nullable=False),
    sa.Column('expiry_date', sa.Date(), nullable=True),
    sa.Column('term_years', sa.BigInteger(), nullable=False),
    sa.Column('due_day', sa.BigInteger(), nullable=False),
    sa.Column('frequency', sa.Enum('MONTHLY', 'QUARTERLY', 'HALF_YEARLY', 'ANNUAL', name='premiumfrequency', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('premium', sa.Numeric(precision=18, scale=2), nullable=False),
    sa.Column('coverage_amount', sa.Numeric(precision=18, scale=2), nullable=False),
    sa.Column('rating', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
    sa.Column('current_version', sa.BigInteger(), nullable=False),
    sa.Column('issued_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint('due_day BETWEEN 1 AND 31', name=op.f('policies_due_day_check')),
    sa.CheckConstraint('effective_date < expiry_date', name=op.f('policies_term_not_empty_check')),
    sa.CheckConstraint('premium >= 0', name=op.f('policies_premium_check')),
    sa.PrimaryKeyConstraint('org_id', 'id', name=op.f('policies_pk')),
    sa.UniqueConstraint('org_id', 'policy_number', name=op.f('policies_policy_number_key')),
    sa.UniqueConstraint('org_id', 'quote_id', name=op.f('policies_quote_id_key')),
    schema='ins'
    )
    op.protect_table('ins.policies', 'tenant')
    op.create_table('policy_events',
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('policy_id', sa.Uuid(), nullable=False),
    sa.Column('sequence', sa.BigInteger(), nullable=False),
    sa.Column('category', sa.Enum('LIFECYCLE', 'ENDORSEMENT', 'CLAIM', 'FINANCIAL', name='eventcategory', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('event_type', sa.Text(), nullable=False),
    sa.Column('effective_date', sa.Date(), nullable=False),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('description', sa.Text(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=True),
    sa.Column('payload', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
    sa.Column('actor', sa.Text(), nullable=False),
    sa.Column('request_id', sa.Text(), nullable=True),
    sa.PrimaryKeyConstraint('org_id', 'id', name=op.f('policy_events_pk')),
    sa.UniqueConstraint('org_id', 'policy_id', 'sequence', name='policy_events_sequence_key'),
    schema='ins'
    )
    op.protect_table('ins.policy_events', 'append_only')
    op.create_table('policy_members',
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('policy_id', sa.Uuid(), nullable=False),
    sa.Column('role', sa.Text(), nullable=False),
    sa.Column('first_name', sa.Text(), nullable=False),
    sa.Column('last_name', sa.Text(), nullable=False),
    sa.Column('date_of_birth', sa.Date(), nullable=True),
    sa.Column('gender', sa.Text(), nullable=True),
    sa.Column('effective_date', sa.Date(), nullable=False),
    sa.Column('end_date', sa.Date(), nullable=True),
    sa.PrimaryKeyConstraint('org_id', 'id', name=op.f('policy_members_pk')),
    schema='ins'
    )
    op.protect_table('ins.policy_members', 'tenant')
    op.create_table('premium_lines',
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('policy_id', sa.Uuid(), nullable=False),
    sa.Column('sequence', sa.BigInteger(), nullable=False),
    sa.Column('due_date', sa.Date(), nullable=False),
    sa.Column('period_end', sa.Date(), nullable=False),
    sa.Column('amount', sa.Numeric(precision=18, scale=2), nullable=False),
    sa.Column('paid_amount', sa.Numeric(precision=18, scale=2), nullable=False),
    sa.Column('status', sa.Enum('PENDING', 'PAID', 'OVERDUE', 'CANCELLED', name='linestatus', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('paid_date', sa.Date(), nullable=True),
    sa.Column('payment_reference', sa.Text(), nullable=True),
    sa.Column('posted_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("status <> 'PAID' OR (paid_amount = amount AND paid_date IS NOT NULL)", name=op.f('premium_lines_paid_check')),
    sa.CheckConstraint('amount >= 0', name=op.f('premium_lines_amount_check')),
    sa.CheckConstraint('paid_amount BETWEEN 0 AND amount', name=op.f('premium_lines_paid_amount_check')),
    sa.PrimaryKeyConstraint('org_id', 'id', name=op.f('premium_lines_pk')),
    sa.UniqueConstraint('org_id', 'policy_id', 'sequence', name='premium_lines_sequence_key'),
    schema='ins'
    )
    op.protect_table('ins.premium_lines', 'tenant')
    op.create_table('ledger_transfers',
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('journal_id', sa.Uuid(), nullable=False),
    sa.Column('posted_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('effective_date', sa.Date(), nullable=False),
    sa.Column('type', sa.Enum('PREMIUM_DUE', 'PREMIUM_VAT', 'PREMIUM_RECEIVED', 'ADJUSTMENT', name='transfertype', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('description', sa.Text(), nullable=False),
    sa.Column('debit_account', sa.Text(), nullable=False),
    sa.Column('credit_account', sa.Text(), nullable=False),
    sa.Column('amount', sa.Numeric(precision=18, scale=2), nullable=False),
    sa.Column('policy_id', sa.Uuid(), nullable=True),
    sa.Column('premium_line_id', sa.Uuid(), nullable=True),
    sa.Column('reference', sa.Text(), nullable=True),
    sa.Column('request_id', sa.Text(), nullable=True),
    sa.Column('reverses_id', sa.Uuid(), nullable=True),
    sa.CheckConstraint('amount > 0', name=op.f('ledger_transfers_amount_positive_check')),
    sa.CheckConstraint('debit_account <> credit_account', name=op.f('ledger_transfers_two_accounts_check')),
    sa.PrimaryKeyConstraint('org_id', 'id', name=op.f('ledger_transfers_pk')),
    sa.UniqueConstraint('org_id', 'reverses_id', name=op.f('ledger_transfers_reverses_id_key')),
    schema='ins'
    )
    op.protect_table('ins.ledger_transfers', 'append_only')
    op.create_table('policy_benefits',
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('policy_id', sa.Uuid(), nullable=False),
    sa.Column('member_id', sa.Uuid(), nullable=True),
    sa.Column('benefit_code', sa.Text(), nullable=False),
    sa.Column('benefit_name', sa.Text(), nullable=False),
    sa.Column('benefit_type_code', sa.Text(), nullable=False),
    sa.Column('sum_assured', sa.Numeric(precision=18, scale=2), nullable=False),
    sa.Column('premium', sa.Numeric(precision=18, scale=2), nullable=False),
    sa.Column('status', sa.Enum('ACTIVE', 'ENDED', name='benefitstatus', native_enum=False, create_constraint=True, length=40), nullable=False),
    sa.Column('display_order', sa.BigInteger(), nullable=False),
    sa.Column('worksheet', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
    sa.PrimaryKeyConstraint('org_id', 'id', name=op.f('policy_benefits_pk')),
    schema='ins'
    )
    op.protect_table('ins.policy_benefits', 'tenant')
    op.create_table('policy_versions',
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('policy_id', sa.Uuid(), nullable=False),
    sa.Column('version_number', sa.BigInteger(), nullable=False),
    sa.Column('event_id', sa.Uuid(), nullable=False),
    sa.Column('effective_date', sa.Date(), nullable=False),
    sa.Column('snapshot_date', sa.DateTime(timezone=True), nullable=False),
    sa.Column('change_reason', sa.Text(), nullable=False),
    sa.Column('change_description', sa.Text(), nullable=False),
    sa.Column('policy_snapshot', postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=False),
    sa.PrimaryKeyConstraint('org_id', 'id', name=op.f('policy_versions_pk')),
    sa.UniqueConstraint('org_id', 'policy_id', 'version_number', name='policy_versions_number_key'),
    schema='ins'
    )
    op.protect_table('ins.policy_versions', 'append_only')
    op.create_table('policy_benefit_layers',
    sa.Column('org_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('policy_benefit_id', sa.Uuid(), nullable=False),
    sa.Column('number', sa.BigInteger(), nullable=False),
    sa.Column('amount', sa.Numeric(precision=18, scale=2), nullable=False),
    sa.Column('starts_on', sa.Date(), nullable=False),
    sa.Column('waiting_days', sa.BigInteger(), nullable=False),
    sa.Column('waiting_until', sa.Date(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.CheckConstraint('amount >= 0', name=op.f('policy_benefit_layers_amount_check')),
    sa.PrimaryKeyConstraint('org_id', 'id', name=op.f('policy_benefit_layers_pk')),
    sa.UniqueConstraint('org_id', 'policy_benefit_id', 'number', name='benefit_layers_number_key'),
    schema='ins'
    )
    op.protect_table('ins.policy_benefit_layers', 'tenant')
    op.create_index('api_keys_org_id_ix', 'api_keys', ['org_id', 'created_at'], unique=False, schema='cp')
    op.create_index('mailed_links_user_id_ix', 'mailed_links', ['user_id'], unique=False, schema='cp')
    op.create_index('memberships_org_id_ix', 'memberships', ['org_id', 'user_id'], unique=False, schema='cp')
    op.create_index('sessions_expires_at_ix', 'sessions', ['expires_at'], unique=False, schema='cp')
    op.create_index('sessions_user_id_ix', 'sessions', ['user_id'], unique=False, schema='cp')
    op.create_index('token_grants_user_id_ix', 'token_grants', ['user_id'], unique=False, schema='cp')
    op.create_index('customers_email_ix', 'customers', ['org_id', 'email'], unique=False, schema='ins')
    op.create_index('customers_name_ix', 'customers', ['org_id', 'match_name', 'date_of_birth'], unique=False, schema='ins')
    op.create_index('customers_phone_ix', 'customers', ['org_id', 'phone'], unique=False, schema='ins')
    op.create_index('customers_search_ix', 'customers', ['search_text'], unique=False, schema='ins', postgresql_using='gin', postgresql_ops={'search_text': 'gin_trgm_ops'})
    op.create_index('idempotency_keys_created_at_ix', 'idempotency_keys', ['org_id', 'created_at'], unique=False, schema='ins')
    op.create_index('jobs_outbox_open_ix', 'jobs_outbox', ['org_id', 'run_after'], unique=False, schema='ins', postgresql_where=sa.text('done_at IS NULL'))
    op.create_index('mails_unsent_ix', 'mails', ['org_id', 'created_at'], unique=False, schema='ins', postgresql_where=sa.text('sent_at IS NULL'))
    op.create_index('customer_bank_accounts_customer_ix', 'customer_bank_accounts', ['org_id', 'customer_id'], unique=False, schema='ins')
    op.create_index('licensed_classes_class_code_ix', 'licensed_classes', ['org_id', 'class_code'], unique=False, schema='ins')
    op.create_index('product_categories_class_ix', 'product_categories', ['org_id', 'class_code'], unique=False, schema='ins')
    op.create_index('rate_table_entries_table_ix', 'rate_table_entries', ['org_id', 'rate_table_id', 'age_from'], unique=False, schema='ins')
    op.create_index('products_category_ix', 'products', ['org_id', 'category_id'], unique=False, schema='ins')
    op.create_index('products_class_ix', 'products', ['org_id', 'class_code'], unique=False, schema='ins')
    op.create_index('products_status_ix', 'products', ['org_id', 'status', 'name'], unique=False, schema='ins')
    op.create_index('product_versions_draft_key', 'product_versions', ['org_id', 'product_id'], unique=True, schema='ins', postgresql_where=sa.text("status = 'draft'"))
    op.create_index('product_versions_launched_key', 'product_versions', ['org_id', 'product_id'], unique=True, schema='ins', postgresql_where=sa.text("status = 'launched'"))
    op.create_index('product_versions_rate_table_ix', 'product_versions', ['org_id', 'rate_table_id'], unique=False, schema='ins')
    op.create_index('product_benefits_rate_table_ix', 'product_benefits', ['org_id', 'rate_table_id'], unique=False, schema='ins')
    op.create_index('product_benefits_type_ix', 'product_benefits', ['org_id', 'benefit_type_code'], unique=False, schema='ins')
    op.create_index('quotes_comparison_ix', 'quotes', ['org_id', 'comparison_id'], unique=False, schema='ins')
    op.create_index('quotes_customer_ix', 'quotes', ['org_id', 'customer_id', 'id'], unique=False, schema='ins')
    op.create_index('quotes_product_ix', 'quotes', ['org_id', 'product_id', 'id'], unique=False, schema='ins')
    op.create_index('quotes_status_ix', 'quotes', ['org_id', 'status', 'id'], unique=False, schema='ins')
    op.create_index('quotes_version_ix', 'quotes', ['org_id', 'product_version_id'], unique=False, schema='ins')
    op.create_index('policies_customer_ix', 'policies', ['org_id', 'customer_id', 'id'], unique=False, schema='ins')
    op.create_index('policies_product_ix', 'policies', ['org_id', 'product_id', 'id'], unique=False, schema='ins')
    op.create_index('policies_status_ix', 'policies', ['org_id', 'status', 'id'], unique=False, schema='ins')
    op.create_index('policies_version_ix', 'policies', ['org_id', 'product_version_id'], unique=False, schema='ins')
    op.create_index('policy_members_policy_ix', 'policy_members', ['org_id', 'policy_id'], unique=False, schema='ins')
    op.create_index('premium_lines_due_ix', 'premium_lines', ['org_id', 'status', 'due_date', 'policy_id'], unique=False, schema='ins')
    op.create_index('ledger_transfers_credit_ix', 'ledger_transfers', ['org_id', 'credit_account', 'effective_date'], unique=False, schema='ins')
    op.create_index('ledger_transfers_debit_ix', 'ledger_transfers', ['org_id', 'debit_account', 'effective_date'], unique=False, schema='ins')
    op.create_index('ledger_transfers_line_ix', 'ledger_transfers', ['org_id', 'premium_line_id'], unique=False, schema='ins')
    op.create_index('ledger_transfers_policy_ix', 'ledger_transfers', ['org_id', 'policy_id', 'id'], unique=False, schema='ins')
    op.create_index('policy_benefits_member_ix', 'policy_benefits', ['org_id', 'member_id'], unique=False, schema='ins')
    op.create_index('policy_benefits_policy_ix', 'policy_benefits', ['org_id', 'policy_id'], unique=False, schema='ins')
    op.create_index('policy_versions_event_ix', 'policy_versions', ['org_id', 'event_id'], unique=False, schema='ins')
    op.create_foreign_key(op.f('allowed_benefits_benefit_type_code_fk'), 'allowed_benefits', 'benefit_types', ['benefit_type_code'], ['code'], source_schema='ins', referent_schema='ins')
    op.create_foreign_key(op.f('allowed_benefits_class_code_fk'), 'allowed_benefits', 'product_classes', ['class_code'], ['code'], source_schema='ins', referent_schema='ins')
    op.create_foreign_key(op.f('customer_addresses_customer_id_fk'), 'customer_addresses', 'customers', ['org_id', 'customer_id'], ['org_id', 'id'], source_schema='ins', referent_schema='ins', ondelete='CASCADE')
    op.create_foreign_key(op.f('customer_bank_accounts_customer_id_fk'), 'customer_bank_accounts', 'customers', ['org_id', 'customer_id'], ['org_id', 'id'], source_schema='ins', referent_schema='ins', ondelete='CASCADE')
    op.create_foreign_key(op.f('licensed_classes_class_code_fk'), 'licensed_classes', 'product_classes', ['class_code'], ['code'], source_schema='ins', referent_schema='ins')
    op.create_foreign_key(op.f('product_categories_class_code_fk'), 'product_categories', 'product_classes', ['class_code'], ['code'], source_schema='ins', referent_schema='ins')
    op.create_foreign_key(op.f('rate_relativities_rate_table_id_fk'), 'rate_relativities', 'rate_tables', ['org_id', 'rate_table_id'], ['org_id', 'id'], source_schema='ins', referent_schema='ins', ondelete='CASCADE')
    op.create_foreign_key(op.f('rate_table_entries_rate_table_id_fk'), 'rate_table_entries', 'rate_tables', ['org_id', 'rate_table_id'], ['org_id', 'id'], source_schema='ins', referent_schema='ins', ondelete='CASCADE')
    op.create_foreign_key(op.f('products_class_code_fk'), 'products', 'product_classes', ['class_code'], ['code'], source_schema='ins', referent_schema='ins')
    op.create_foreign_key(op.f('products_category_id_fk'), 'products', 'product_categories', ['org_id', 'category_id'], ['org_id', 'id'], source_schema='ins', referent_schema='ins')
    op.create_foreign_key(op.f('product_versions_rate_table_id_fk'), 'product_versions', 'rate_tables', ['org_id', 'rate_table_id'], ['org_id', 'id'], source_schema='ins', referent_schema='ins')
    op.create_foreign_key(op.f('product_versions_product_id_fk'), 'product_versions', 'products', ['org_id', 'product_id'], ['org_id', 'id'], source_schema='ins', referent_schema='ins', ondelete='CASCADE')
    op.create_foreign_key(op.f('inception_rules_product_version_id_fk'), 'inception_rules', 'product_versions', ['org_id', 'product_version_id'], ['org_id', 'id'], source_schema='ins', referent_schema='ins', ondelete='CASCADE')
    op.create_foreign_key(op.f('product_benefits_benefit_type_code_fk'), 'product_benefits', 'benefit_types', ['benefit_type_code'], ['code'], source_schema='ins', referent_schema='ins')
    op.create_foreign_key(op.f('product_benefits_rate_table_id_fk'), 'product_benefits', 'rate_tables', ['org_id', 'rate_table_id'], ['org_id', 'id'], source_schema='ins', referent_schema='ins')
    op.create_foreign_key(op.f('product_benefits_product_version_id_fk'), 'product_benefits', 'product_versions', ['org_id', 'product_version_id'], ['org_id', 'id'], source_schema='ins', referent_schema='ins', ondelete='CASCADE')
    op.create_foreign_key(op.f('quotes_product_version_id_fk'), 'quotes', 'product_versions', ['org_id', 'product_version_id'], ['org_id', 'id'], source_schema='ins', referent_schema='ins')
    op.create_foreign_key(op.f('quotes_product_id_fk'), 'quotes', 'products', ['org_id', 'product_id'], ['org_id', 'id'], source_schema='ins', referent_schema='ins')
    op.create_foreign_key(op.f('quotes_customer_id_fk'), 'quotes', 'customers', ['org_id', 'customer_id'], ['org_id', 'id'], source_schema='ins', referent_schema='ins')
    op.create_foreign_key(op.f('policies_quote_id_fk'), 'policies', 'quotes', ['org_id', 'quote_id'], ['org_id', 'id'], source_schema='ins', referent_schema='ins')
    op.create_foreign_key(op.f('policies_customer_id_fk'), 'policies', 'customers', ['org_id', 'customer_id'], ['org_id', 'id'], source_schema='ins', referent_schema='ins')
    op.create_foreign_key(op.f('policies_product_id_fk'), 'policies', 'products', ['org_id', 'product_id'], ['org_id', 'id'], source_schema='ins', referent_schema='ins')
    op.create_foreign_key(op.f('policies_product_version_id_fk'), 'policies', 'product_versions', ['org_id', 'product_version_id'], ['org_id', 'id'], source_schema='ins', referent_schema='ins')
    op.create_foreign_key(op.f('policy_events_policy_id_fk'), 'policy_events', 'policies', ['org_id', 'policy_id'], ['org_id', 'id'], source_schema='ins', referent_schema='ins')
    op.create_foreign_key(op.f('policy_members_policy_id_fk'), 'policy_members', 'policies', ['org_id', 'policy_id'], ['org_id', 'id'], source_schema='ins', referent_schema='ins')
    op.create_foreign_key(op.f('premium_lines_policy_id_fk'), 'premium_lines', 'policies', ['org_id', 'policy_id'], ['org_id', 'id'], source_schema='ins', referent_schema='ins')
    op.create_foreign_key(op.f('ledger_transfers_policy_id_fk'), 'ledger_transfers', 'policies', ['org_id', 'policy_id'], ['org_id', 'id'], source_schema='ins', referent_schema='ins')
    op.create_foreign_key(op.f('ledger_transfers_credit_account_fk'), 'ledger_transfers', 'ledger_accounts', ['org_id', 'credit_account'], ['org_id', 'code'], source_schema='ins', referent_schema='ins')
    op.create_foreign_key(op.f('ledger_transfers_reverses_id_fk'), 'ledger_transfers', 'ledger_transfers', ['org_id', 'reverses_id'], ['org_id', 'id'], source_schema='ins', referent_schema='ins')
    op.create_foreign_key(op.f('ledger_transfers_debit_account_fk'), 'ledger_transfers', 'ledger_accounts', ['org_id', 'debit_account'], ['org_id', 'code'], source_schema='ins', referent_schema='ins')
    op.create_foreign_key(op.f('ledger_transfers_premium_line_id_fk'), 'ledger_transfers', 'premium_lines', ['org_id', 'premium_line_id'], ['org_id', 'id'], source_schema='ins', referent_schema='ins')
    op.create_foreign_key(op.f('policy_benefits_policy_id_fk'), 'policy_benefits', 'policies', ['org_id', 'policy_id'], ['org_id', 'id'], source_schema='ins', referent_schema='ins')
    op.create_foreign_key(op.f('policy_benefits_member_id_fk'), 'policy_benefits', 'policy_members', ['org_id', 'member_id'], ['org_id', 'id'], source_schema='ins', referent_schema='ins')
    op.create_foreign_key(op.f('policy_versions_policy_id_fk'), 'policy_versions', 'policies', ['org_id', 'policy_id'], ['org_id', 'id'], source_schema='ins', referent_schema='ins')
    op.create_foreign_key(op.f('policy_versions_event_id_fk'), 'policy_versions', 'policy_events', ['org_id', 'event_id'], ['org_id', 'id'], source_schema='ins', referent_schema='ins')
    op.create_foreign_key(op.f('policy_benefit_layers_policy_benefit_id_fk'), 'policy_benefit_layers', 'policy_benefits', ['org_id', 'policy_benefit_id'], ['org_id', 'id'], source_schema='ins', referent_schema='ins')


def downgrade() -> None:
    op.drop_table('policy_benefit_layers', schema='ins')
    op.drop_index('policy_versions_event_ix', table_name='policy_versions', schema='ins')
    op.drop_table('policy_versions', schema='ins')
    op.drop_index('policy_benefits_policy_ix', table_name='policy_benefits', schema='ins')
    op.drop_index('policy_benefits_member_ix', table_name='policy_benefits', schema='ins')
    op.drop_table('policy_benefits', schema='ins')
    op.drop_index('ledger_transfers_policy_ix', table_name='ledger_transfers', schema='ins')
    op.drop_index('ledger_transfers_line_ix', table_name='ledger_transfers', schema='ins')
    op.drop_index('ledger_transfers_debit_ix', table_name='ledger_transfers', schema='ins')
    op.drop_index('ledger_transfers_credit_ix', table_name='ledger_transfers', schema='ins')
    op.drop_table('ledger_transfers', schema='ins')
    op.drop_index('premium_lines_due_ix', table_name='premium_lines', schema='ins')
    op.drop_table('premium_lines', schema='ins')
    op.drop_index('policy_members_policy_ix', table_name='policy_members', schema='ins')
    op.drop_table('policy_members', schema='ins')
    op.drop_table('policy_events', schema='ins')
    op.drop_index('policies_version_ix', table_name='policies', schema='ins')
    op.drop_index('policies_status_ix', table_name='policies', schema='ins')
    op.drop_index('policies_product_ix', table_name='policies', schema='ins')
    op.drop_index('policies_customer_ix', table_name='policies', schema='ins')
    op.drop_table('policies', schema='ins')
    op.drop_index('quotes_version_ix', table_name='quotes', schema='ins')
    op.drop_index('quotes_status_ix', table_name='quotes', schema='ins')
    op.drop_index('quotes_product_ix', table_name='quotes', schema='ins')
    op.drop_index('quotes_customer_ix', table_name='quotes', schema='ins')
    op.drop_index('quotes_comparison_ix', table_name='quotes', schema='ins')
    op.drop_table('quotes', schema='ins')
    op.drop_index('product_benefits_type_ix', table_name='product_benefits', schema='ins')
    op.drop_index('product_benefits_rate_table_ix', table_name='product_benefits', schema='ins')
    op.drop_table('product_benefits', schema='ins')
    op.drop_table('inception_rules', schema='ins')
    op.drop_index('product_versions_rate_table_ix', table_name='product_versions', schema='ins')
    op.drop_index('product_versions_launched_key', table_name='product_versions', schema='ins', postgresql_where=sa.text("status = 'launched'"))
    op.drop_index('product_versions_draft_key', table_name='product_versions', schema='ins', postgresql_where=sa.text("status = 'draft'"))
    op.drop_table('product_versions', schema='ins')
    op.drop_index('products_status_ix', table_name='products', schema='ins')
    op.drop_index('products_class_ix', table_name='products', schema='ins')
    op.drop_index('products_category_ix', table_name='products', schema='ins')
    op.drop_table('products', schema='ins')
    op.drop_index('rate_table_entries_table_ix', table_name='rate_table_entries', schema='ins')
    op.drop_table('rate_table_entries', schema='ins')
    op.drop_table('rate_relativities', schema='ins')
    op.drop_index('product_categories_class_ix', table_name='product_categories', schema='ins')
    op.drop_table('product_categories', schema='ins')
    op.drop_index('licensed_classes_class_code_ix', table_name='licensed_classes', schema='ins')
    op.drop_table('licensed_classes', schema='ins')
    op.drop_index('customer_bank_accounts_customer_ix', table_name='customer_bank_accounts', schema='ins')
    op.drop_table('customer_bank_accounts', schema='ins')
    op.drop_table('customer_addresses', schema='ins')
    op.drop_table('allowed_benefits', schema='ins')
    op.drop_table('tenant_counts', schema='ins')
    op.drop_table('rate_tables', schema='ins')
    op.drop_table('product_classes', schema='ins')
    op.drop_table('portfolio_counts', schema='ins')
    op.drop_table('organizations', schema='ins')
    op.drop_table('number_series', schema='ins')
    op.drop_index('mails_unsent_ix', table_name='mails', schema='ins', postgresql_where=sa.text('sent_at IS NULL'))
    op.drop_table('mails', schema='ins')
    op.drop_table('ledger_accounts', schema='ins')
    op.drop_index('jobs_outbox_open_ix', table_name='jobs_outbox', schema='ins', postgresql_where=sa.text('done_at IS NULL'))
    op.drop_table('jobs_outbox', schema='ins')
    op.drop_index('idempotency_keys_created_at_ix', table_name='idempotency_keys', schema='ins')
    op.drop_table('idempotency_keys', schema='ins')
    op.drop_table('dated_parameters', schema='ins')
    op.drop_index('customers_search_ix', table_name='customers', schema='ins', postgresql_using='gin', postgresql_ops={'search_text': 'gin_trgm_ops'})
    op.drop_index('customers_phone_ix', table_name='customers', schema='ins')
    op.drop_index('customers_name_ix', table_name='customers', schema='ins')
    op.drop_index('customers_email_ix', table_name='customers', schema='ins')
    op.drop_table('customers', schema='ins')
    op.drop_table('benefit_types', schema='ins')
    op.drop_table('users', schema='cp')
    op.drop_index('token_grants_user_id_ix', table_name='token_grants', schema='cp')
    op.drop_table('token_grants', schema='cp')
    op.drop_index('sessions_user_id_ix', table_name='sessions', schema='cp')
    op.drop_index('sessions_expires_at_ix', table_name='sessions', schema='cp')
    op.drop_table('sessions', schema='cp')
    op.drop_table('recovery_codes', schema='cp')
    op.drop_table('org_directory', schema='cp')
    op.drop_index('memberships_org_id_ix', table_name='memberships', schema='cp')
    op.drop_table('memberships', schema='cp')
    op.drop_index('mailed_links_user_id_ix', table_name='mailed_links', schema='cp')
    op.drop_table('mailed_links', schema='cp')
    op.drop_index('api_keys_org_id_ix', table_name='api_keys', schema='cp')
    op.drop_table('api_keys', schema='cp')
