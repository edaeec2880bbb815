"""SQL of tills without a line. Whoever settles a journal locks its row first, then what a use locks."""

POLICY_SQL = """
SELECT most_value_minor, most_uses, most_minor, list_age_s, conflicts_borne_by, version FROM offline_policy
WHERE district_id = %(district_id)s
"""

ADD_TILL_SQL = """
INSERT INTO offline_till (district_id, till, store_id) VALUES (%(district_id)s, %(till)s, %(store_id)s)
ON CONFLICT DO NOTHING
"""

LOCK_TILL_SQL = """
SELECT most_uses, most_minor FROM offline_till
WHERE district_id = %(district_id)s AND till = %(till)s FOR NO KEY UPDATE
"""

GRANTED_SQL = """
SELECT coalesce(sum(uses_granted), 0)::int, coalesce(sum(minor_granted), 0)::bigint FROM offline_journal
WHERE district_id = %(district_id)s AND till = %(till)s AND closed_at IS NULL AND list_until > %(machine_now)s
  AND (%(journal)s::uuid IS NULL OR id <> %(journal)s::uuid)
"""

OPEN_JOURNAL_SQL = """
INSERT INTO offline_journal (district_id, id, till, store_id, key, opened_at, synced_at, skew_ms, list_until,
                             uses_granted, minor_granted)
VALUES (%(district_id)s, %(id)s, %(till)s, %(store_id)s, %(key)s, %(machine_now)s, %(machine_now)s, %(skew_ms)s,
        %(list_until)s, %(uses)s, %(minor)s)
"""

RENEW_JOURNAL_SQL = """
UPDATE offline_journal
SET synced_at = %(machine_now)s, skew_ms = %(skew_ms)s, list_until = %(list_until)s, uses_granted = %(uses)s,
    minor_granted = %(minor)s, uses_since = 0, minor_since = 0, closed_at = NULL
WHERE district_id = %(district_id)s AND id = %(journal)s AND till = %(till)s
RETURNING key
"""

CLOSE_JOURNAL_SQL = """
UPDATE offline_journal SET closed_at = %(machine_now)s
WHERE district_id = %(district_id)s AND id = %(journal)s AND till = %(till)s AND closed_at IS NULL
"""

LAST_SEQ_SQL = """
SELECT seq, mark FROM offline_entry WHERE district_id = %(district_id)s AND journal_id = %(journal)s
ORDER BY seq DESC LIMIT 1
"""

GONE_SQL = """
SELECT id FROM offer
WHERE district_id = %(district_id)s AND offline_store_id = %(store_id)s AND valid_until > %(now)s
  AND state IN ('redeemed', 'void')
ORDER BY valid_until LIMIT %(limit)s
"""

LOCK_JOURNAL_SQL = """
SELECT till, store_id, key, opened_at, skew_ms, list_until, uses_granted, minor_granted, uses_since, minor_since
FROM offline_journal WHERE district_id = %(district_id)s AND id = %(journal)s AND till = %(till)s FOR NO KEY UPDATE
"""

ENTRY_SQL = """
SELECT entry.mark, entry.outcome, entry.reason, entry.redemption_id, entry.offer_id, entry.discount_minor,
       entry.charged_to, entry.is_over_quota, entry.believed_at, entry.first_at, entry.first_till, redemption.value
FROM offline_entry AS entry
LEFT JOIN redemption ON redemption.district_id = entry.district_id AND redemption.id = entry.redemption_id
WHERE entry.district_id = %(district_id)s AND entry.journal_id = %(journal)s AND entry.seq = %(seq)s
"""

ADD_ENTRY_SQL = """
INSERT INTO offline_entry (district_id, journal_id, seq, id, mark, till, store_id, offer_id, outcome, reason,
                           redemption_id, bill_minor, discount_minor, charged_to, is_over_quota, till_at, believed_at,
                           at, first_at, first_till)
VALUES (%(district_id)s, %(journal)s, %(seq)s, %(id)s, %(mark)s, %(till)s, %(store_id)s, %(offer_id)s, %(outcome)s,
        %(reason)s, %(redemption_id)s, %(bill_minor)s, %(discount_minor)s, %(charged_to)s, %(is_over_quota)s,
        %(till_at)s, %(believed_at)s, %(now)s, %(first_at)s, %(first_till)s)
"""

COUNT_USE_SQL = """
UPDATE offline_journal SET uses_since = uses_since + 1, minor_since = minor_since + %(discount_minor)s
WHERE district_id = %(district_id)s AND id = %(journal)s
"""

COUPON_SQL = """
SELECT state, valid_from, valid_until, value, offline_store_id FROM offer
WHERE district_id = %(district_id)s AND id = %(offer_id)s AND kind IN ('coupon', 'red_packet')
"""

# The coupon held at the moment at which it was shown, which the district's own signature proves, not now.
USE_SQL = """
UPDATE offer SET state = 'redeemed', redeemed_at = %(now)s
WHERE district_id = %(district_id)s AND id = %(offer_id)s AND offline_store_id = %(store_id)s
  AND state IN ('issued', 'opened') AND valid_from <= %(shown_at)s AND %(used_at)s < valid_until
RETURNING value
"""

FREE_HOLD_SQL = "DELETE FROM offer_hold WHERE district_id = %(district_id)s AND offer_id = %(offer_id)s"

REDEEM_SQL = """
INSERT INTO redemption (district_id, id, offer_id, store_id, till, use_request_no, body_hash, value, redeemed_at,
                        till_at, bill_minor, discount_minor)
VALUES (%(district_id)s, %(id)s, %(offer_id)s, %(store_id)s, %(till)s, %(request_no)s, %(mark)s, %(value)s, %(now)s,
        %(till_at)s, %(bill_minor)s, %(discount_minor)s)
"""

FIRST_USE_SQL = """
SELECT id, redeemed_at, till, use_request_no, value, discount_minor FROM redemption
WHERE district_id = %(district_id)s AND offer_id = %(offer_id)s AND reversed_at IS NULL
"""

MERCHANT_SQL = "SELECT merchant_id FROM store WHERE district_id = %(district_id)s AND id = %(store_id)s"

LISTED_SQL = """
SELECT entry.id, entry.journal_id, entry.seq, entry.at, entry.till_at, entry.believed_at, entry.outcome, entry.reason,
       entry.store_id, entry.till, entry.offer_id, entry.redemption_id, entry.bill_minor, entry.discount_minor,
       entry.charged_to, entry.is_over_quota, entry.first_at, entry.first_till,
       coalesce(store.name, imported.name, store.ref), coalesce(store.name_zh, imported.name_zh, ''),
       coalesce(till.name, ''), coalesce(first.name, '')
FROM offline_entry AS entry
JOIN store ON store.district_id = entry.district_id AND store.id = entry.store_id
LEFT JOIN imported_place AS imported ON imported.district_id = store.district_id AND imported.ref = store.ref
LEFT JOIN till ON till.district_id = entry.district_id AND entry.till = 'till:' || till.id
LEFT JOIN till AS first ON first.district_id = entry.district_id AND entry.first_till = 'till:' || first.id
WHERE entry.district_id = %(district_id)s
  AND (%(merchant_id)s::uuid IS NULL OR store.merchant_id = %(merchant_id)s::uuid)
  AND (%(outcome)s::text IS NULL OR entry.outcome = %(outcome)s::text)
  AND (%(is_charged)s::bool IS NOT TRUE OR entry.charged_to <> '')
  AND (%(after)s::uuid IS NULL OR entry.id < %(after)s::uuid)
ORDER BY entry.id DESC LIMIT %(limit)s
"""
