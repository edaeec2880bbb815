"""SQL of closing days, of statements and of their lines."""

CLAIM_DAY_SQL = """
INSERT INTO statement_day (district_id, trading_day, closed_at)
VALUES (%(district_id)s, %(day)s, %(now)s) ON CONFLICT DO NOTHING RETURNING trading_day
"""

LAST_DAY_SQL = "SELECT max(trading_day) FROM statement_day WHERE district_id = %(district_id)s"

FIRST_POSTING_SQL = "SELECT min(at) FROM ledger_posting WHERE district_id = %(district_id)s"

_UNCOUNTED = """
SELECT posting.id AS posting_id,
       posting.at < %(since)s OR posting.kind = 'offline_conflict' OR EXISTS (
           SELECT FROM settled_posting AS before
           WHERE before.district_id = posting.district_id AND before.posting_id = posting.reverses_id
             AND before.trading_day < %(day)s
       ) AS is_correction
FROM ledger_posting AS posting
WHERE posting.district_id = %(district_id)s AND posting.at >= %(earliest)s AND posting.at < %(until)s
  AND posting.kind <> 'settlement'
  AND NOT EXISTS (
      SELECT FROM settled_posting AS settled
      WHERE settled.district_id = posting.district_id AND settled.posting_id = posting.id
  )
"""

SETTLE_SQL = f"""
INSERT INTO settled_posting (district_id, posting_id, trading_day, is_correction)
SELECT %(district_id)s, posting_id, %(day)s, is_correction FROM ({_UNCOUNTED}) AS uncounted
"""

_COUNTED = """
SELECT posting_id, is_correction FROM settled_posting WHERE district_id = %(district_id)s AND trading_day = %(day)s
"""

# A posting at a merchant's till is one of his acts even when it moves nothing, as a gift does.
_ENTRIES = """
SELECT posting.id, posting.kind, counted.is_correction, entry.account, entry.owner_id, entry.amount_minor
FROM counted
JOIN ledger_posting AS posting ON posting.district_id = %(district_id)s AND posting.id = counted.posting_id
CROSS JOIN LATERAL (
    SELECT account, owner_id, amount_minor FROM ledger_entry
    WHERE ledger_entry.district_id = %(district_id)s AND ledger_entry.posting_id = posting.id
    UNION ALL
    SELECT 'merchant_payable', posting.merchant_id, 0 WHERE posting.merchant_id IS NOT NULL
) AS entry
WHERE entry.account IN
      ('merchant_payable', 'merchant_share', 'property_share', 'platform_subsidy', 'sponsor_share')
"""

_PARTIES = """
SELECT CASE account WHEN 'merchant_payable' THEN 'merchant' WHEN 'platform_subsidy' THEN 'platform'
                    ELSE split_part(account, '_', 1) END AS party,
       owner_id,
       count(DISTINCT id) FILTER (WHERE kind = 'redemption' AND NOT is_correction AND is_own),
       coalesce(sum(amount_minor) FILTER (WHERE kind = 'redemption' AND NOT is_correction AND is_paid), 0)::bigint,
       count(DISTINCT id) FILTER (WHERE kind = 'reversal' AND NOT is_correction AND is_own),
       coalesce(-sum(amount_minor) FILTER (WHERE kind = 'reversal' AND NOT is_correction AND is_paid), 0)::bigint,
       count(DISTINCT id) FILTER (WHERE is_correction AND is_own),
       coalesce(sum(amount_minor) FILTER (WHERE is_correction AND is_paid), 0)::bigint,
       coalesce(sum(amount_minor) FILTER (WHERE kind LIKE 'points%%' AND NOT is_correction AND is_paid), 0)::bigint,
       coalesce(-sum(amount_minor) FILTER (WHERE NOT is_paid), 0)::bigint,
       sum(amount_minor)::bigint
FROM (
    SELECT *, account = 'merchant_payable' AS is_paid, account <> 'merchant_share' AS is_own FROM entry
) AS entry
"""

PARTIES_SQL = f"""
WITH counted AS ({_COUNTED}), entry AS ({_ENTRIES})
{_PARTIES} GROUP BY 1, 2 ORDER BY 1, 2
"""

OPEN_SQL = f"""
WITH counted AS ({_UNCOUNTED}), entry AS ({_ENTRIES})
{_PARTIES} GROUP BY 1, 2 ORDER BY 1, 2
"""

# Who may look at any time must not read what all others have booked.
OPEN_OF_PARTY_SQL = f"""
WITH own AS (
    SELECT id FROM ledger_posting
    WHERE district_id = %(district_id)s AND merchant_id = %(party_id)s AND at >= %(earliest)s AND at < %(until)s
    UNION
    SELECT posting_id FROM ledger_transfer
    WHERE district_id = %(district_id)s AND source = ANY(%(accounts)s) AND source_id = %(party_id)s
    UNION
    SELECT posting_id FROM ledger_transfer
    WHERE district_id = %(district_id)s AND target = ANY(%(accounts)s) AND target_id = %(party_id)s
), counted AS ({_UNCOUNTED} AND posting.id IN (SELECT id FROM own)), entry AS ({_ENTRIES})
{_PARTIES}
WHERE owner_id = %(party_id)s AND account = ANY(%(accounts)s)
GROUP BY 1, 2 ORDER BY 1, 2
"""

ADD_STATEMENTS_SQL = """
INSERT INTO statement (district_id, id, trading_day, party, party_id, redemptions, redeemed_minor, reversals,
                       reversed_minor, corrections, corrected_minor, points_minor, borne_minor, net_minor, closed_at)
SELECT %(district_id)s, id, %(day)s, party, party_id, redemptions, redeemed, reversals, reversed, corrections,
       corrected, points, borne, net, %(now)s
FROM unnest(%(ids)s::uuid[], %(parties)s::text[], %(party_ids)s::uuid[], %(redemptions)s::int[],
            %(redeemed)s::bigint[], %(reversals)s::int[], %(reversed)s::bigint[], %(corrections)s::int[],
            %(corrected)s::bigint[], %(points)s::bigint[], %(borne)s::bigint[], %(net)s::bigint[])
     AS one (id, party, party_id, redemptions, redeemed, reversals, reversed, corrections, corrected, points, borne,
             net)
"""

# What each closed account held goes to or comes from the clearing account; the posting has the statement's id.
CLEAR_SQL = f"""
WITH counted AS ({_COUNTED}), entry AS ({_ENTRIES}), held AS (
    SELECT account, owner_id, sum(amount_minor)::bigint AS amount FROM entry GROUP BY 1, 2
    HAVING sum(amount_minor) <> 0
), cleared AS (
    SELECT statement.id, held.account, held.owner_id, held.amount
    FROM held JOIN statement
      ON statement.district_id = %(district_id)s AND statement.trading_day = %(day)s
     AND statement.party_id = held.owner_id
     AND statement.party = CASE held.account WHEN 'merchant_payable' THEN 'merchant'
         WHEN 'platform_subsidy' THEN 'platform' ELSE split_part(held.account, '_', 1) END
), posted AS (
    INSERT INTO ledger_posting (district_id, id, kind, subject_id, at)
    SELECT DISTINCT %(district_id)s::uuid, id, 'settlement', id, %(now)s::timestamptz FROM cleared
)
INSERT INTO ledger_transfer (district_id, posting_id, line, source, source_id, target, target_id, amount_minor)
SELECT %(district_id)s, id, row_number() OVER (PARTITION BY id ORDER BY account),
       CASE WHEN amount > 0 THEN account ELSE 'clearing' END,
       CASE WHEN amount > 0 THEN owner_id ELSE %(nobody)s END,
       CASE WHEN amount > 0 THEN 'clearing' ELSE account END,
       CASE WHEN amount > 0 THEN %(nobody)s ELSE owner_id END,
       abs(amount)
FROM cleared
"""

LINES_SQL = """
SELECT posting.id, posting.kind, settled.is_correction, posting.at, posting.store_id, posting.campaign_id,
       sum(entry.amount_minor) FILTER (WHERE entry.account = 'merchant_payable')::bigint,
       (-sum(entry.amount_minor) FILTER (WHERE entry.account <> 'merchant_payable'))::bigint,
       used.till, used.number
FROM settled_posting AS settled
JOIN ledger_posting AS posting
  ON posting.district_id = settled.district_id AND posting.id = settled.posting_id
LEFT JOIN ledger_entry AS entry
  ON entry.district_id = posting.district_id AND entry.posting_id = posting.id
 AND entry.owner_id = %(party_id)s AND entry.account = ANY(%(accounts)s::text[])
LEFT JOIN LATERAL (
    SELECT till, use_request_no AS number FROM redemption
    WHERE posting.kind = 'redemption' AND redemption.district_id = posting.district_id
      AND redemption.id = posting.subject_id
    UNION ALL
    SELECT till, return_request_no FROM reversal
    WHERE posting.kind = 'reversal' AND reversal.district_id = posting.district_id
      AND reversal.id = posting.subject_id
    UNION ALL
    SELECT till, 'offline-' || replace(journal_id::text, '-', '') || '-' || seq FROM offline_entry
    WHERE posting.kind = 'offline_conflict' AND offline_entry.district_id = posting.district_id
      AND offline_entry.id = posting.subject_id
    UNION ALL
    SELECT till, CASE posting.kind WHEN 'points_spent' THEN use_request_no ELSE return_request_no END
    FROM points_movement JOIN points_spend
      ON points_spend.district_id = points_movement.district_id AND points_spend.id = points_movement.subject_id
    WHERE posting.kind IN ('points_spent', 'points_returned')
      AND points_movement.district_id = posting.district_id AND points_movement.id = posting.subject_id
) AS used ON posting.merchant_id = %(party_id)s
WHERE settled.district_id = %(district_id)s AND settled.trading_day = %(day)s
  AND (entry.posting_id IS NOT NULL OR posting.merchant_id = %(party_id)s)
  AND (%(after)s::uuid IS NULL OR posting.id > %(after)s::uuid)
GROUP BY posting.id, posting.kind, settled.is_correction, posting.at, posting.store_id, posting.campaign_id,
         used.till, used.number
ORDER BY posting.id LIMIT %(limit)s
"""

# Two ways to the same figures: by what tills did, and by what was booked for each merchant.
DISTRICT_TOTALS_SQL = """
SELECT count(*), coalesce(sum(redemption.discount_minor), 0)::bigint
FROM redemption JOIN store ON store.district_id = redemption.district_id AND store.id = redemption.store_id
WHERE redemption.district_id = %(district_id)s AND store.merchant_id IS NOT NULL
  AND redemption.redeemed_at >= %(since)s AND redemption.redeemed_at < %(until)s
"""

REVERSED_TOTALS_SQL = """
SELECT count(*), coalesce(sum(redemption.discount_minor), 0)::bigint
FROM reversal
JOIN redemption ON redemption.district_id = reversal.district_id AND redemption.id = reversal.redemption_id
JOIN store ON store.district_id = redemption.district_id AND store.id = redemption.store_id
WHERE reversal.district_id = %(district_id)s AND store.merchant_id IS NOT NULL
  AND reversal.reversed_at >= %(since)s AND reversal.reversed_at < %(until)s
"""

MERCHANT_TOTALS_SQL = """
SELECT posting.merchant_id,
       count(*) FILTER (WHERE posting.kind = 'redemption'),
       coalesce(sum(paid.amount) FILTER (WHERE posting.kind = 'redemption'), 0)::bigint,
       count(*) FILTER (WHERE posting.kind = 'reversal'),
       coalesce(-sum(paid.amount) FILTER (WHERE posting.kind = 'reversal'), 0)::bigint
FROM ledger_posting AS posting
CROSS JOIN LATERAL (
    SELECT sum(amount_minor) AS amount FROM ledger_entry
    WHERE ledger_entry.district_id = posting.district_id AND ledger_entry.posting_id = posting.id
      AND account = 'merchant_payable' AND owner_id = posting.merchant_id
) AS paid
WHERE posting.district_id = %(district_id)s AND posting.merchant_id IS NOT NULL
  AND posting.kind IN ('redemption', 'reversal') AND posting.at >= %(since)s AND posting.at < %(until)s
GROUP BY posting.merchant_id ORDER BY posting.merchant_id
"""

BUDGET_SQL = """
SELECT campaign.merchant_id, allowance.most_minor, coalesce(allowance.minor, 0),
       coalesce((
           SELECT sum(held_minor) FROM offer
           WHERE offer.district_id = campaign.district_id AND offer.campaign_id = campaign.id
             AND offer.state IN ('reserved', 'issued', 'opened', 'redeemed')
       ), 0)::bigint,
       coalesce((
           SELECT sum(entry.amount_minor)
           FROM ledger_posting AS posting
           JOIN ledger_entry AS entry
             ON entry.district_id = posting.district_id AND entry.posting_id = posting.id
           WHERE posting.district_id = campaign.district_id AND posting.campaign_id = campaign.id
             AND posting.kind IN ('redemption', 'reversal') AND entry.account = 'merchant_payable'
       ), 0)::bigint
FROM campaign
LEFT JOIN allowance ON allowance.district_id = campaign.district_id AND allowance.campaign_id = campaign.id
                   AND allowance.period = 'total'
WHERE campaign.district_id = %(district_id)s AND campaign.id = %(campaign_id)s
"""
