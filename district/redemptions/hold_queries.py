"""SQL of coupons that are held for a till, and of the numbers that tills show. Times are machine times."""

FREE_SQL = "DELETE FROM offer_hold WHERE district_id = %(district_id)s AND offer_id = %(offer_id)s"

# Whoever uses a coupon writes its row: so nobody holds what was just used.
LOCK_USABLE_SQL = """
SELECT id FROM offer
WHERE district_id = %(district_id)s AND id = %(offer_id)s AND kind IN ('coupon', 'red_packet')
  AND state IN ('issued', 'opened') AND valid_from <= %(now)s AND %(now)s < valid_until
FOR NO KEY UPDATE
"""

OWN_OFFER_SQL = """
SELECT offer.id FROM offer JOIN member ON member.district_id = offer.district_id AND member.id = offer.member_id
WHERE offer.district_id = %(district_id)s AND offer.id = %(offer_id)s AND offer.member_id = %(member_id)s
  AND member.state = 'active'
"""

# A till that holds it may hold it on; another till only gets it by the member's own hand (is_moved).
HOLD_SQL = """
INSERT INTO offer_hold (district_id, offer_id, till, store_id, typed_hash, held_at, held_until)
VALUES (%(district_id)s, %(offer_id)s, %(till)s, %(store_id)s, %(typed_hash)s, %(machine_now)s, %(held_until)s)
ON CONFLICT (district_id, offer_id) DO UPDATE
SET till = EXCLUDED.till, store_id = EXCLUDED.store_id, typed_hash = EXCLUDED.typed_hash,
    held_at = EXCLUDED.held_at, held_until = EXCLUDED.held_until
WHERE %(is_moved)s OR offer_hold.till = EXCLUDED.till OR offer_hold.held_until <= EXCLUDED.held_at
RETURNING offer_id
"""

HELD_SQL = """
SELECT till, held_until FROM offer_hold
WHERE district_id = %(district_id)s AND offer_id = %(offer_id)s AND held_until > %(machine_now)s
"""

FREE_OLD_SQL = """
DELETE FROM offer_hold WHERE district_id = %(district_id)s AND held_until <= %(machine_now)s RETURNING offer_id
"""

TILL_SHOWN_SQL = """
SELECT number, shown_until, valid_until FROM till_number
WHERE district_id = %(district_id)s AND till = %(till)s AND store_id = %(store_id)s AND shown_until > %(machine_now)s
ORDER BY shown_until DESC LIMIT 1
"""

# A number that is over may be anybody's again.
TAKE_NUMBER_SQL = """
INSERT INTO till_number (district_id, number, till, store_id, shown_until, valid_until)
VALUES (%(district_id)s, %(number)s, %(till)s, %(store_id)s, %(shown_until)s, %(valid_until)s)
ON CONFLICT (district_id, number) DO UPDATE
SET till = EXCLUDED.till, store_id = EXCLUDED.store_id, shown_until = EXCLUDED.shown_until,
    valid_until = EXCLUDED.valid_until
WHERE till_number.valid_until <= %(machine_now)s
RETURNING number
"""

# Only tills of stores in which the offer is used.
NUMBER_SQL = """
SELECT till_number.till, till_number.store_id
FROM till_number
JOIN offer ON offer.district_id = till_number.district_id AND offer.id = %(offer_id)s
JOIN campaign_store ON campaign_store.district_id = offer.district_id
                   AND campaign_store.campaign_id = offer.campaign_id
                   AND campaign_store.store_id = till_number.store_id
WHERE till_number.district_id = %(district_id)s AND till_number.number = %(number)s
  AND till_number.valid_until > %(machine_now)s
"""

FORGET_NUMBERS_SQL = (
    "DELETE FROM till_number WHERE district_id = %(district_id)s AND valid_until <= %(machine_now)s"
)
