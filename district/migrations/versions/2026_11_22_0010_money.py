"""The ledger, closed days and statements, points, and purchases.

Revision: 2026_11_22_0010, after 2026_11_22_0009
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "2026_11_22_0010"
down_revision = "2026_11_22_0009"
branch_labels = None
depends_on = None

ADDED_ONLY = ("ledger_posting", "ledger_transfer", "statement_day", "settled_posting", "statement")
"""Tables whose rows are never changed, whoever asks."""

REFUSE = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are only ever added: book the opposite instead', TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END $$
"""

ENTRIES = """
CREATE VIEW ledger_entry AS
SELECT district_id, posting_id, line, source AS account, source_id AS owner_id, -amount_minor AS amount_minor
FROM ledger_transfer
UNION ALL
SELECT district_id, posting_id, line, target, target_id, amount_minor FROM ledger_transfer
"""


def upgrade() -> None:
    op.create_table(
        "ledger_posting",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("reverses_id", sa.Uuid(), nullable=True),
        sa.Column("merchant_id", sa.Uuid(), nullable=True),
        sa.Column("store_id", sa.Uuid(), nullable=True),
        sa.Column("campaign_id", sa.Uuid(), nullable=True),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_ledger_posting")),
    )
    op.create_index(
        op.f("ix_ledger_posting_district_id_at"), "ledger_posting", ["district_id", "at"], unique=False
    )
    op.create_index(
        op.f("ix_ledger_posting_district_id_merchant_id_at"),
        "ledger_posting",
        ["district_id", "merchant_id", "at"],
        unique=False,
    )
    op.create_index(
        "uq_ledger_posting_subject", "ledger_posting", ["district_id", "kind", "subject_id"], unique=True
    )
    op.create_table(
        "points_rule",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("is_on", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("value_minor", sa.Integer(), nullable=False),
        sa.Column("life_days", sa.Integer(), nullable=False),
        sa.Column("per_visit", sa.Integer(), nullable=False),
        sa.Column("visits_per_day", sa.Integer(), nullable=False),
        sa.Column("per_redemption", sa.Integer(), nullable=False),
        sa.Column("minor_units_per_point", sa.Integer(), nullable=True),
        sa.Column("most_per_purchase", sa.Integer(), nullable=False),
        sa.Column("most_per_day", sa.Integer(), nullable=False),
        sa.Column("merchant_ids", postgresql.ARRAY(sa.Uuid()), nullable=True),
        sa.Column("changed_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint("minor_units_per_point > 0", name=op.f("ck_points_rule_rate_positive")),
        sa.CheckConstraint("value_minor > 0 AND life_days > 30", name=op.f("ck_points_rule_worth_something")),
        sa.PrimaryKeyConstraint("district_id", name=op.f("pk_points_rule")),
    )
    op.create_table(
        "points_spend",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("till", sa.Text(), nullable=False),
        sa.Column("use_request_no", sa.Text(), nullable=False),
        sa.Column("body_hash", sa.LargeBinary(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=True),
        sa.Column("merchant_id", sa.Uuid(), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("return_request_no", sa.Text(), nullable=True),
        sa.Column("returned_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.CheckConstraint("points > 0", name=op.f("ck_points_spend_points_positive")),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_points_spend")),
    )
    op.create_index(
        op.f("ix_points_spend_district_id_member_id"),
        "points_spend",
        ["district_id", "member_id"],
        unique=False,
    )
    op.create_index(
        "uq_points_spend_request", "points_spend", ["district_id", "till", "use_request_no"], unique=True
    )
    op.create_table(
        "purchase_count",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("trading_day", sa.Date(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("unlinked", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("district_id", "trading_day", "source", name=op.f("pk_purchase_count")),
    )
    op.create_table(
        "purchase_notice",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("notice_hash", sa.LargeBinary(), nullable=False),
        sa.Column("body_hash", sa.LargeBinary(), nullable=False),
        sa.Column("answer", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("received_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("district_id", "source", "notice_hash", name=op.f("pk_purchase_notice")),
    )
    op.create_index(
        op.f("ix_purchase_notice_district_id_received_at"),
        "purchase_notice",
        ["district_id", "received_at"],
        unique=False,
    )
    op.create_table(
        "purchase_source",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("public_keys", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("api_key", sa.LargeBinary(), nullable=False),
        sa.Column("app_id", sa.Text(), server_default="", nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=True),
        sa.Column("is_disabled", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_purchase_source")),
    )
    op.create_index("uq_purchase_source_slug", "purchase_source", ["district_id", "slug"], unique=True)
    op.create_table(
        "statement",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("trading_day", sa.Date(), nullable=False),
        sa.Column("party", sa.Text(), nullable=False),
        sa.Column("party_id", sa.Uuid(), nullable=False),
        sa.Column("redemptions", sa.Integer(), nullable=False),
        sa.Column("redeemed_minor", sa.BigInteger(), nullable=False),
        sa.Column("reversals", sa.Integer(), nullable=False),
        sa.Column("reversed_minor", sa.BigInteger(), nullable=False),
        sa.Column("corrections", sa.Integer(), nullable=False),
        sa.Column("corrected_minor", sa.BigInteger(), nullable=False),
        sa.Column("points_minor", sa.BigInteger(), nullable=False),
        sa.Column("borne_minor", sa.BigInteger(), nullable=False),
        sa.Column("net_minor", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_statement")),
    )
    op.create_index(
        op.f("ix_statement_district_id_party_party_id"),
        "statement",
        ["district_id", "party", "party_id"],
        unique=False,
    )
    op.create_index(
        "uq_statement_party", "statement", ["district_id", "trading_day", "party", "party_id"], unique=True
    )
    op.create_table(
        "statement_day",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("trading_day", sa.Date(), nullable=False),
        sa.Column("closed_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("district_id", "trading_day", name=op.f("pk_statement_day")),
    )
    op.create_table(
        "ledger_transfer",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("posting_id", sa.Uuid(), nullable=False),
        sa.Column("line", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("target_id", sa.Uuid(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "(source, source_id) <> (target, target_id)", name=op.f("ck_ledger_transfer_two_accounts")
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_ledger_transfer_amount_positive")),
        sa.ForeignKeyConstraint(
            ["district_id", "posting_id"],
            ["ledger_posting.district_id", "ledger_posting.id"],
            name=op.f("fk_ledger_transfer_ledger_posting"),
        ),
        sa.PrimaryKeyConstraint("district_id", "posting_id", "line", name=op.f("pk_ledger_transfer")),
    )
    op.create_index(
        op.f("ix_ledger_transfer_district_id_source_source_id"),
        "ledger_transfer",
        ["district_id", "source", "source_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_ledger_transfer_district_id_target_target_id"),
        "ledger_transfer",
        ["district_id", "target", "target_id"],
        unique=False,
    )
    op.create_table(
        "member_pass",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("expires_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["district_id", "member_id"],
            ["member.district_id", "member.id"],
            name=op.f("fk_member_pass_member"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("district_id", "code_hash", name=op.f("pk_member_pass")),
    )
    op.create_index(
        op.f("ix_member_pass_district_id_expires_at"),
        "member_pass",
        ["district_id", "expires_at"],
        unique=False,
    )
    op.create_index(
        op.f("ix_member_pass_district_id_member_id"),
        "member_pass",
        ["district_id", "member_id"],
        unique=False,
    )
    op.create_table(
        "points_lot",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("remaining", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint("remaining >= 0", name=op.f("ck_points_lot_remaining_from_zero")),
        sa.ForeignKeyConstraint(
            ["district_id", "member_id"],
            ["member.district_id", "member.id"],
            name=op.f("fk_points_lot_member"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_points_lot")),
    )
    op.create_index(
        "ix_points_lot_ending",
        "points_lot",
        ["district_id", "expires_at"],
        unique=False,
        postgresql_where=sa.text("remaining > 0"),
    )
    op.create_index(
        "ix_points_lot_open",
        "points_lot",
        ["district_id", "member_id", "expires_at"],
        unique=False,
        postgresql_where=sa.text("remaining > 0"),
    )
    op.create_table(
        "points_movement",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("balance", sa.BigInteger(), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=True),
        sa.Column("expires_at", sa.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["district_id", "member_id"],
            ["member.district_id", "member.id"],
            name=op.f("fk_points_movement_member"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_points_movement")),
    )
    op.create_index(
        op.f("ix_points_movement_district_id_member_id_at"),
        "points_movement",
        ["district_id", "member_id", "at"],
        unique=False,
    )
    op.create_index(
        "uq_points_movement_subject", "points_movement", ["district_id", "kind", "subject_id"], unique=True
    )
    op.create_table(
        "points_wallet",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("debt", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint("debt >= 0", name=op.f("ck_points_wallet_debt_from_zero")),
        sa.ForeignKeyConstraint(
            ["district_id", "member_id"],
            ["member.district_id", "member.id"],
            name=op.f("fk_points_wallet_member"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("district_id", "member_id", name=op.f("pk_points_wallet")),
    )
    op.create_table(
        "purchase_link",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("payer_hash", sa.LargeBinary(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("linked_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["district_id", "member_id"],
            ["member.district_id", "member.id"],
            name=op.f("fk_purchase_link_member"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["district_id", "source_id"],
            ["purchase_source.district_id", "purchase_source.id"],
            name=op.f("fk_purchase_link_purchase_source"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("district_id", "source_id", "payer_hash", name=op.f("pk_purchase_link")),
    )
    op.create_index(
        op.f("ix_purchase_link_district_id_member_id"),
        "purchase_link",
        ["district_id", "member_id"],
        unique=False,
    )
    op.create_table(
        "reconciliation",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("statement_id", sa.Uuid(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("matched", sa.Integer(), nullable=False),
        sa.Column("amount_differs", sa.Integer(), nullable=False),
        sa.Column("missing_here", sa.Integer(), nullable=False),
        sa.Column("missing_there", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["district_id", "statement_id"],
            ["statement.district_id", "statement.id"],
            name=op.f("fk_reconciliation_statement"),
        ),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_reconciliation")),
    )
    op.create_index(
        op.f("ix_reconciliation_district_id_statement_id"),
        "reconciliation",
        ["district_id", "statement_id"],
        unique=False,
    )
    op.create_table(
        "settled_posting",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("posting_id", sa.Uuid(), nullable=False),
        sa.Column("trading_day", sa.Date(), nullable=False),
        sa.Column("is_correction", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["district_id", "posting_id"],
            ["ledger_posting.district_id", "ledger_posting.id"],
            name=op.f("fk_settled_posting_ledger_posting"),
        ),
        sa.PrimaryKeyConstraint("district_id", "posting_id", name=op.f("pk_settled_posting")),
    )
    op.create_index(
        op.f("ix_settled_posting_district_id_trading_day"),
        "settled_posting",
        ["district_id", "trading_day"],
        unique=False,
    )
    op.create_table(
        "purchase",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("refunded_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("received_at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_purchase_amount_positive")),
        sa.CheckConstraint(
            "refunded_minor BETWEEN 0 AND amount_minor", name=op.f("ck_purchase_refunded_within_amount")
        ),
        sa.ForeignKeyConstraint(
            ["district_id", "member_id"],
            ["member.district_id", "member.id"],
            name=op.f("fk_purchase_member"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["district_id", "store_id"], ["store.district_id", "store.id"], name=op.f("fk_purchase_store")
        ),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_purchase")),
    )
    op.create_index(
        op.f("ix_purchase_district_id_member_id_at"),
        "purchase",
        ["district_id", "member_id", "at"],
        unique=False,
    )
    op.create_index(
        op.f("ix_purchase_district_id_store_id_at"),
        "purchase",
        ["district_id", "store_id", "at"],
        unique=False,
    )
    op.create_index("uq_purchase_reference", "purchase", ["district_id", "source", "reference"], unique=True)
    op.create_table(
        "purchase_refund",
        sa.Column("district_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("purchase_id", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.TIMESTAMP(timezone=True), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_purchase_refund_amount_positive")),
        sa.ForeignKeyConstraint(
            ["district_id", "purchase_id"],
            ["purchase.district_id", "purchase.id"],
            name=op.f("fk_purchase_refund_purchase"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("district_id", "id", name=op.f("pk_purchase_refund")),
    )
    op.create_index(
        "uq_purchase_refund_reference",
        "purchase_refund",
        ["district_id", "purchase_id", "reference"],
        unique=True,
    )
    op.add_column("redemption", sa.Column("bill_minor", sa.BigInteger(), nullable=True))
    op.add_column("redemption", sa.Column("discount_minor", sa.BigInteger(), nullable=True))
    op.execute(ENTRIES)
    op.execute(REFUSE)
    for table in ADDED_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_added_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def downgrade() -> None:
    for table in ADDED_ONLY:
        op.execute(f"DROP TRIGGER {table}_added_only ON {table}")
    op.execute("DROP FUNCTION refuse_change()")
    op.execute("DROP VIEW ledger_entry")
    op.drop_column("redemption", "discount_minor")
    op.drop_column("redemption", "bill_minor")
    op.drop_index("uq_purchase_refund_reference", table_name="purchase_refund")
    op.drop_table("purchase_refund")
    op.drop_index("uq_purchase_reference", table_name="purchase")
    op.drop_index(op.f("ix_purchase_district_id_store_id_at"), table_name="purchase")
    op.drop_index(op.f("ix_purchase_district_id_member_id_at"), table_name="purchase")
    op.drop_table("purchase")
    op.drop_index(op.f("ix_settled_posting_district_id_trading_day"), table_name="settled_posting")
    op.drop_table("settled_posting")
    op.drop_index(op.f("ix_reconciliation_district_id_statement_id"), table_name="reconciliation")
    op.drop_table("reconciliation")
    op.drop_index(op.f("ix_purchase_link_district_id_member_id"), table_name="purchase_link")
    op.drop_table("purchase_link")
    op.drop_table("points_wallet")
    op.drop_index("uq_points_movement_subject", table_name="points_movement")
    op.drop_index(op.f("ix_points_movement_district_id_member_id_at"), table_name="points_movement")
    op.drop_table("points_movement")
    op.drop_index("ix_points_lot_open", table_name="points_lot", postgresql_where=sa.text("remaining > 0"))
    op.drop_index("ix_points_lot_ending", table_name="points_lot", postgresql_where=sa.text("remaining > 0"))
    op.drop_table("points_lot")
    op.drop_index(op.f("ix_member_pass_district_id_member_id"), table_name="member_pass")
    op.drop_index(op.f("ix_member_pass_district_id_expires_at"), table_name="member_pass")
    op.drop_table("member_pass")
    op.drop_index(op.f("ix_ledger_transfer_district_id_target_target_id"), table_name="ledger_transfer")
    op.drop_index(op.f("ix_ledger_transfer_district_id_source_source_id"), table_name="ledger_transfer")
    op.drop_table("ledger_transfer")
    op.drop_table("statement_day")
    op.drop_index("uq_statement_party", table_name="statement")
    op.drop_index(op.f("ix_statement_district_id_party_party_id"), table_name="statement")
    op.drop_table("statement")
    op.drop_index("uq_purchase_source_slug", table_name="purchase_source")
    op.drop_table("purchase_source")
    op.drop_index(op.f("ix_purchase_notice_district_id_received_at"), table_name="purchase_notice")
    op.drop_table("purchase_notice")
    op.drop_table("purchase_count")
    op.drop_index("uq_points_spend_request", table_name="points_spend")
    op.drop_index(op.f("ix_points_spend_district_id_member_id"), table_name="points_spend")
    op.drop_table("points_spend")
    op.drop_table("points_rule")
    op.drop_index("uq_ledger_posting_subject", table_name="ledger_posting")
    op.drop_index(op.f("ix_ledger_posting_district_id_merchant_id_at"), table_name="ledger_posting")
    op.drop_index(op.f("ix_ledger_posting_district_id_at"), table_name="ledger_posting")
    op.drop_table("ledger_posting")
