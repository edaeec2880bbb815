"""SQL of tills: one transaction a request, its truth in unique keys and guarded updates."""

ANSWERED_SQL = """
SELECT id, offer_id, value, redeemed_at, body_hash, discount_minor FROM redemption
WHERE district_id = %(district_id)s AND till = %(till)s AND use_request_no = %(request_no)s
"""

_FOUND = """
SELECT offer.id, offer.state, offer.valid_from, offer.valid_until,
       EXISTS (
           SELECT FROM campaign_store
           WHERE campaign_store.district_id = offer.district_id
             AND campaign_store.campaign_id = offer.campaign_id AND campaign_store.store_id = %(store_id)s
             AND (offer.offline_store_id IS NULL OR offer.offline_store_id = campaign_store.store_id)
       ) AS is_here,
       EXISTS (
           SELECT FROM campaign
           WHERE campaign.district_id = offer.district_id AND campaign.id = offer.campaign_id
             AND campaign.offer ->> 'code' = 'rotating'
       ) AS is_rotating,
       offer.member_id, offer.value, offer.stacks_with, hold.till, hold.held_until, hold.typed_hash IS NULL,
       coalesce((
           SELECT count FROM rate_count
           WHERE rate_count.district_id = offer.district_id AND rate_count.subject = 'offer:' || offer.id
             AND rate_count.period_start = %(period_start)s
       ), 0)
FROM offer
LEFT JOIN offer_hold AS hold
  ON hold.district_id = offer.district_id AND hold.offer_id = offer.id AND hold.held_until > %(machine_now)s
WHERE offer.district_id = %(district_id)s AND offer.kind IN ('coupon', 'red_packet') AND offer.state <> 'reserved'
"""

OFFER_SQL = _FOUND + "  AND offer.code = %(code)s"

OFFER_BY_ID_SQL = _FOUND + "  AND offer.id = %(presented_id)s"

OFFER_BY_TYPED_SQL = (
    _FOUND
    + """
  AND hold.held_until IS NOT NULL AND offer.id = (
      SELECT held.offer_id FROM offer_hold AS held
      WHERE held.district_id = %(district_id)s AND held.typed_hash = %(typed_hash)s
  )
"""
)

USE_OFFER_SQL = """
UPDATE offer SET state = 'redeemed', redeemed_at = %(now)s
WHERE district_id = %(district_id)s AND id = %(offer_id)s AND state IN ('issued', 'opened')
  AND valid_from <= %(now)s AND %(now)s < valid_until
RETURNING value
"""

INSERT_REDEMPTION_SQL = """
INSERT INTO redemption (district_id, id, offer_id, store_id, till, use_request_no, body_hash, value, redeemed_at,
                        till_at, bill_minor, discount_minor, bill_id)
VALUES (%(district_id)s, %(id)s, %(offer_id)s, %(store_id)s, %(till)s, %(request_no)s, %(body_hash)s, %(value)s,
        %(now)s, %(till_at)s, %(bill_minor)s, %(discount_minor)s, %(bill_id)s)
ON CONFLICT DO NOTHING
RETURNING id
"""

FIRST_USE_SQL = """
SELECT redeemed_at, till FROM redemption
WHERE district_id = %(district_id)s AND offer_id = %(offer_id)s AND reversed_at IS NULL
"""

COUNT_UNKNOWN_SQL = """
INSERT INTO rate_count (district_id, subject, period_start, count)
VALUES (%(district_id)s, %(subject)s, %(period_start)s, 1)
ON CONFLICT (district_id, subject, period_start) DO UPDATE SET count = rate_count.count + 1
RETURNING count
"""

UNCOUNT_SQL = """
UPDATE rate_count SET count = greatest(0, count - 1)
WHERE district_id = %(district_id)s AND subject = %(subject)s AND period_start = %(period_start)s
"""

UNKNOWN_COUNT_SQL = """
SELECT count FROM rate_count
WHERE district_id = %(district_id)s AND subject = %(subject)s AND period_start = %(period_start)s
"""

REDEMPTION_SQL = """
SELECT redemption.store_id, store.merchant_id, redemption.offer_id, redemption.redeemed_at
FROM redemption JOIN store ON store.district_id = redemption.district_id AND store.id = redemption.store_id
WHERE redemption.district_id = %(district_id)s AND redemption.id = %(redemption_id)s
"""

REVERSED_SQL = """
SELECT id, redemption_id, reversed_at FROM reversal
WHERE district_id = %(district_id)s AND till = %(till)s AND return_request_no = %(request_no)s
"""

# Whoever closes an account locks the member first: what is taken back meanwhile waits, and then finds nobody.
LOCK_HOLDER_SQL = """
SELECT member.state FROM redemption
JOIN offer ON offer.district_id = redemption.district_id AND offer.id = redemption.offer_id
JOIN member ON member.district_id = offer.district_id AND member.id = offer.member_id
WHERE redemption.district_id = %(district_id)s AND redemption.id = %(redemption_id)s
FOR KEY SHARE OF member
"""

REVERSE_SQL = """
UPDATE redemption SET reversed_at = %(now)s
WHERE district_id = %(district_id)s AND id = %(redemption_id)s AND reversed_at IS NULL
RETURNING offer_id
"""

INSERT_REVERSAL_SQL = """
INSERT INTO reversal (district_id, id, redemption_id, return_request_no, till, reversed_at)
VALUES (%(district_id)s, %(id)s, %(redemption_id)s, %(request_no)s, %(till)s, %(now)s)
ON CONFLICT DO NOTHING
RETURNING id
"""

RETURN_OFFER_SQL = """
UPDATE offer SET state = CASE WHEN opened_at IS NULL THEN 'issued' ELSE 'opened' END, redeemed_at = NULL
WHERE district_id = %(district_id)s AND id = %(offer_id)s AND state = 'redeemed'
"""

TERMS_SQL = """
SELECT offer.member_id, offer.campaign_id, store.merchant_id, store.property_id, campaign.owner_kind,
       campaign.merchant_id, campaign.property_id,
       ARRAY(
           SELECT jsonb_build_array(party_kind, coalesce(party_id, CASE party_kind WHEN 'sponsor' THEN id END), permille)
           FROM funding_share
           WHERE funding_share.district_id = offer.district_id AND funding_share.campaign_id = offer.campaign_id
           ORDER BY funding_share.id
       ),
       coalesce((SELECT is_on FROM points_rule WHERE points_rule.district_id = offer.district_id), false)
FROM offer
JOIN campaign ON campaign.district_id = offer.district_id AND campaign.id = offer.campaign_id
JOIN store ON store.district_id = offer.district_id AND store.id = %(store_id)s
WHERE offer.district_id = %(district_id)s AND offer.id = %(offer_id)s
"""

# Whoever closes an account locks the member first, then his offers and points: so does a use that gives points.
LOCK_MEMBER_SQL = """
SELECT id FROM member WHERE district_id = %(district_id)s AND id = %(member_id)s FOR KEY SHARE
"""
