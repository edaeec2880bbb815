"""Offers of points, forms of address, hold-outs as they stood, sets of members that a property has.

Revision: 2026_11_22_0014, after 2026_11_22_0013
"""

import sqlalchemy as sa
from alembic import op

revision = "2026_11_22_0014"
down_revision = "2026_11_22_0013"
branch_labels = None
depends_on = None

SETS = ("tag", "contact_list", "segment")
GIVES_BEFORE = (
    "CASE kind WHEN 'coupon' THEN campaign_id IS NOT NULL"
    " WHEN 'plan' THEN plan_id IS NOT NULL AND plan_for_s > 0 ELSE false END"
)
GIVES = (
    "CASE WHEN kind IN ('coupon', 'red_packet', 'points') THEN campaign_id IS NOT NULL"
    " WHEN kind = 'plan' THEN plan_id IS NOT NULL AND plan_for_s > 0 ELSE false END"
)


def upgrade() -> None:
    op.add_column("member", sa.Column("called", sa.Text(), nullable=True))
    op.create_check_constraint(
        op.f("ck_member_called_length"), "member", "char_length(called) BETWEEN 1 AND 40"
    )
    op.add_column("exposure", sa.Column("holdout_pct", sa.Double(), nullable=True))
    op.add_column("exposure", sa.Column("holdout_salt", sa.Text(), nullable=True))
    op.drop_constraint(op.f("ck_join_incentive_gives_something"), "join_incentive")
    op.create_check_constraint(op.f("ck_join_incentive_gives_something"), "join_incentive", GIVES)
    for table in SETS:
        op.add_column(table, sa.Column("property_id", sa.Uuid(), nullable=True))
        op.create_foreign_key(
            op.f(f"fk_{table}_property"),
            table,
            "property",
            ["district_id", "property_id"],
            ["district_id", "id"],
            ondelete="CASCADE",
        )
        op.create_check_constraint(
            op.f(f"ck_{table}_one_owner"), table, "merchant_id IS NULL OR property_id IS NULL"
        )
        op.drop_index(f"uq_{table}_name", table_name=table)
        op.create_index(
            f"uq_{table}_name",
            table,
            ["district_id", "merchant_id", "property_id", "name"],
            unique=True,
            postgresql_nulls_not_distinct=True,
        )


def downgrade() -> None:
    for table in reversed(SETS):
        op.execute(f"DELETE FROM {table} WHERE property_id IS NOT NULL")
        op.drop_index(f"uq_{table}_name", table_name=table)
        op.create_index(
            f"uq_{table}_name",
            table,
            ["district_id", "merchant_id", "name"],
            unique=True,
            postgresql_nulls_not_distinct=True,
        )
        op.drop_constraint(op.f(f"ck_{table}_one_owner"), table)
        op.drop_constraint(op.f(f"fk_{table}_property"), table)
        op.drop_column(table, "property_id")
    op.execute(
        "DELETE FROM join_reward USING join_incentive AS one"
        " WHERE one.district_id = join_reward.district_id AND one.id = join_reward.incentive_id"
        " AND one.kind IN ('red_packet', 'points')"
    )
    op.execute("DELETE FROM join_incentive WHERE kind IN ('red_packet', 'points')")
    op.drop_constraint(op.f("ck_join_incentive_gives_something"), "join_incentive")
    op.create_check_constraint(op.f("ck_join_incentive_gives_something"), "join_incentive", GIVES_BEFORE)
    op.drop_column("exposure", "holdout_salt")
    op.drop_column("exposure", "holdout_pct")
    op.drop_constraint(op.f("ck_member_called_length"), "member")
    op.drop_column("member", "called")
