"""What is out of each stock, with what was drawn from pools since they were last told to it.

Revision: 2026_11_22_0015, after 2026_11_22_0014
"""

from alembic import op

revision = "2026_11_22_0015"
down_revision = "2026_11_22_0014"
branch_labels = None
depends_on = None

# Pieces of a pool are drawn without a write to campaign_stock, so its count of these is late by up to a round of the
# job that folds them in. Here each column is a subquery of its own: who asks only is_sold_out counts nothing.
STOCK_NOW = """
CREATE VIEW stock_now AS
SELECT stock.district_id, stock.campaign_id, stock.quota, pool.is_made AS is_pooled,
       CASE WHEN pool.is_made THEN (
           SELECT count(*)::int FROM pool_piece
           WHERE pool_piece.district_id = stock.district_id AND pool_piece.campaign_id = stock.campaign_id
             AND pool_piece.offer_id IS NOT NULL
       ) ELSE stock.issued END AS issued,
       CASE WHEN stock.quota IS NULL THEN false
            WHEN pool.is_made AND EXISTS (
                SELECT FROM pool_piece
                WHERE pool_piece.district_id = stock.district_id AND pool_piece.campaign_id = stock.campaign_id
                  AND pool_piece.offer_id IS NULL
            ) THEN false
            WHEN pool.is_made THEN (
                SELECT count(*) FROM pool_piece
                WHERE pool_piece.district_id = stock.district_id AND pool_piece.campaign_id = stock.campaign_id
                  AND pool_piece.offer_id IS NOT NULL
            ) >= stock.quota
            ELSE stock.issued >= stock.quota END AS is_sold_out
FROM campaign_stock AS stock
JOIN campaign ON campaign.district_id = stock.district_id AND campaign.id = stock.campaign_id
CROSS JOIN LATERAL (
    SELECT (campaign.offer ->> 'kind' = 'red_packet'
            OR (coalesce(campaign.offer #>> '{claim,mode}', '') = 'drop' AND stock.quota IS NOT NULL))
        AND EXISTS (
            SELECT FROM pool_piece
            WHERE pool_piece.district_id = stock.district_id AND pool_piece.campaign_id = stock.campaign_id
        ) AS is_made
) AS pool
"""


def upgrade() -> None:
    op.execute(STOCK_NOW)


def downgrade() -> None:
    op.execute("DROP VIEW stock_now")
