"""SQL of purchase notices."""

ADD_NOTICE_SQL = """
INSERT INTO purchase_notice (district_id, source, notice_hash, body_hash, received_at)
VALUES (%(district_id)s, %(source)s, %(notice_hash)s, %(body_hash)s, %(machine_now)s)
ON CONFLICT DO NOTHING RETURNING source
"""

NOTICE_SQL = """
SELECT body_hash, answer FROM purchase_notice
WHERE district_id = %(district_id)s AND source = %(source)s AND notice_hash = %(notice_hash)s
"""

ANSWER_SQL = """
UPDATE purchase_notice SET answer = %(answer)s
WHERE district_id = %(district_id)s AND source = %(source)s AND notice_hash = %(notice_hash)s
"""

COUNT_UNLINKED_SQL = """
INSERT INTO purchase_count (district_id, trading_day, source, unlinked)
VALUES (%(district_id)s, %(day)s, %(source)s, 1)
ON CONFLICT (district_id, trading_day, source) DO UPDATE SET unlinked = purchase_count.unlinked + 1
"""

ADD_PURCHASE_SQL = """
INSERT INTO purchase (district_id, id, source, reference, member_id, store_id, amount_minor, at, received_at)
VALUES (%(district_id)s, %(id)s, %(source)s, %(reference)s, %(member_id)s, %(store_id)s, %(amount_minor)s, %(at)s,
        %(now)s)
ON CONFLICT DO NOTHING RETURNING id
"""

PURCHASE_SQL = """
SELECT id, amount_minor, refunded_minor, at FROM purchase
WHERE district_id = %(district_id)s AND source = %(source)s AND reference = %(reference)s FOR UPDATE
"""

ADD_REFUND_SQL = """
INSERT INTO purchase_refund (district_id, id, purchase_id, reference, amount_minor, at)
VALUES (%(district_id)s, %(id)s, %(purchase_id)s, %(refund_reference)s, %(amount_minor)s, %(at)s)
ON CONFLICT DO NOTHING RETURNING id
"""

REFUND_SQL = """
UPDATE purchase SET refunded_minor = refunded_minor + %(amount_minor)s
WHERE district_id = %(district_id)s AND id = %(purchase_id)s
"""

SOURCE_SQL = """
SELECT id, public_keys, api_key, app_id FROM purchase_source
WHERE district_id = %(district_id)s AND slug = %(slug)s AND NOT is_disabled
"""

PAYER_SQL = """
SELECT link.member_id FROM purchase_link AS link
JOIN member ON member.district_id = link.district_id AND member.id = link.member_id AND member.state = 'active'
WHERE link.district_id = %(district_id)s AND link.source_id = %(source_id)s AND link.payer_hash = %(payer_hash)s
"""

STORE_SQL = """
SELECT id FROM store WHERE district_id = %(district_id)s AND ref = %(ref)s AND closed_at IS NULL
"""

FORGET_SQL = "DELETE FROM purchase_notice WHERE district_id = %(district_id)s AND received_at < %(before)s"

IDENTITIES_SQL = """
SELECT subject FROM member_identity
WHERE district_id = :district_id AND provider_id = :provider_id AND member_id = :member_id
"""

COUNTS_SQL = """
SELECT coalesce(sum(unlinked), 0)::int FROM purchase_count
WHERE district_id = :district_id AND source = :source AND trading_day >= :since
"""
