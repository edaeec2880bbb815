"""SQL of the ledger."""

POST_SQL = """
WITH posted AS (
    INSERT INTO ledger_posting (district_id, id, kind, subject_id, reverses_id, merchant_id, store_id, campaign_id, at)
    VALUES (%(district_id)s, %(id)s, %(kind)s, %(subject_id)s, %(reverses_id)s, %(merchant_id)s, %(store_id)s,
            %(campaign_id)s, %(at)s)
    ON CONFLICT (district_id, kind, subject_id) DO NOTHING
    RETURNING id
), moved AS (
    INSERT INTO ledger_transfer (district_id, posting_id, line, source, source_id, target, target_id, amount_minor)
    SELECT %(district_id)s, posted.id, transfer.line, transfer.source, transfer.source_id, transfer.target,
           transfer.target_id, transfer.amount
    FROM posted,
         unnest(%(sources)s::text[], %(source_ids)s::uuid[], %(targets)s::text[], %(target_ids)s::uuid[],
                %(amounts)s::bigint[])
         WITH ORDINALITY AS transfer (source, source_id, target, target_id, amount, line)
    RETURNING 1
)
SELECT id FROM posted
"""

TAKE_BACK_SQL = """
WITH before AS (
    SELECT id, merchant_id, store_id, campaign_id FROM ledger_posting
    WHERE district_id = %(district_id)s AND kind = %(kind_before)s AND subject_id = %(subject_before)s
), posted AS (
    INSERT INTO ledger_posting (district_id, id, kind, subject_id, reverses_id, merchant_id, store_id, campaign_id, at)
    SELECT %(district_id)s, %(id)s, %(kind)s, %(subject_id)s, before.id, before.merchant_id, before.store_id,
           before.campaign_id, %(at)s
    FROM before
    ON CONFLICT (district_id, kind, subject_id) DO NOTHING
    RETURNING id, reverses_id
), moved AS (
    INSERT INTO ledger_transfer (district_id, posting_id, line, source, source_id, target, target_id, amount_minor)
    SELECT %(district_id)s, posted.id, line, target, target_id, source, source_id, amount_minor
    FROM posted JOIN ledger_transfer AS first
      ON first.district_id = %(district_id)s AND first.posting_id = posted.reverses_id
    RETURNING 1
)
SELECT id FROM posted
"""

BALANCES_SQL = """
SELECT account, owner_id, sum(amount)::bigint FROM (
    SELECT source AS account, source_id AS owner_id, -amount_minor AS amount FROM ledger_transfer
    WHERE district_id = %(district_id)s
    UNION ALL
    SELECT target, target_id, amount_minor FROM ledger_transfer WHERE district_id = %(district_id)s
) AS entry
GROUP BY account, owner_id HAVING sum(amount) <> 0 ORDER BY account, owner_id
"""
