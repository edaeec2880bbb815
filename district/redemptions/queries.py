"""SQL of tills: one transaction a request, its truth in unique keys and guarded updates."""

ANSWERED_SQL = """
SELECT id, offer_id, value, redeemed_at, body_hash, discount_minor FROM redemption
WHERE district_id = %(district_id)s AND till = %(till)s AND use_request_no = %(request_no)s
"""

OFFER_SQL = """
SELECT offer.id, offer.state, offer.valid_from, offer.valid_until,
       EXISTS (
           SELECT FROM campaign_store
           WHERE campaign_store.district_id = offer.district_id
             AND campaign_store.campaign_id = offer.campaign_id AND campaign_store.store_id = %(store_id)s
       ) AS is_here
FROM offer WHERE offer.district_id = %(district_id)s AND offer.code = %(code)s
  AND offer.kind IN ('coupon', 'red_packet') AND offer.state <> 'reserved'
"""

USE_OFFER_SQL = """
UPDATE offer SET state = 'redeemed', redeemed_at = %(now)s
WHERE district_id = %(district_id)s AND id = %(offer_id)s AND state IN ('issued', 'opened')
  AND valid_from <= %(now)s AND %(now)s < valid_until
RETURNING value
"""

INSERT_REDEMPTION_SQL = """
INSERT INTO redemption (district_id, id, offer_id, store_id, till, use_request_no, body_hash, value, redeemed_at,
                        till_at, bill_minor, discount_minor)
VALUES (%(district_id)s, %(id)s, %(offer_id)s, %(store_id)s, %(till)s, %(request_no)s, %(body_hash)s, %(value)s,
        %(now)s, %(till_at)s, %(bill_minor)s, %(discount_minor)s)
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
