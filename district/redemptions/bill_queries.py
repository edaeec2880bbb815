"""SQL of bills: several coupons and points of one member, all or nothing."""

STORE_SQL = """
SELECT member_price_percent, merchant_id FROM store WHERE district_id = %(district_id)s AND id = %(store_id)s
"""

BALANCE_SQL = """
SELECT greatest(0, coalesce((
    SELECT sum(remaining) FROM points_lot
    WHERE points_lot.district_id = member.district_id AND points_lot.member_id = member.id
      AND remaining > 0 AND expires_at > %(now)s
), 0) - coalesce((
    SELECT debt FROM points_wallet
    WHERE points_wallet.district_id = member.district_id AND points_wallet.member_id = member.id
), 0))::bigint
FROM member WHERE member.district_id = %(district_id)s AND member.id = %(member_id)s AND member.state = 'active'
"""

ANSWERED_SQL = """
SELECT body_hash, answer FROM till_bill
WHERE district_id = %(district_id)s AND till = %(till)s AND use_request_no = %(request_no)s
"""

ADD_BILL_SQL = """
INSERT INTO till_bill (district_id, id, till, use_request_no, body_hash, store_id, bill_minor, due_minor, answer, at)
VALUES (%(district_id)s, %(bill_id)s, %(till)s, %(request_no)s, %(body_hash)s, %(store_id)s, %(bill_minor)s,
        %(due_minor)s, %(answer)s, %(now)s)
ON CONFLICT DO NOTHING RETURNING id
"""
