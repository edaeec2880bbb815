"""SQL of points. Whoever changes a member's points locks the wallet first."""

from district.districts.queries import ALL_DISTRICTS_SQL

DISTRICT_SQL = ALL_DISTRICTS_SQL.replace("ORDER BY", "WHERE id = %(district_id)s ORDER BY")

RULE_SQL = """
SELECT is_on, value_minor, life_days, per_visit, visits_per_day, per_redemption, minor_units_per_point,
       most_per_purchase, most_per_day, merchant_ids
FROM points_rule WHERE district_id = %(district_id)s
"""

# A write of what stands there already takes the row's lock, whether it was there or not.
LOCK_WALLET_SQL = """
INSERT INTO points_wallet (district_id, member_id)
SELECT district_id, id FROM member
WHERE district_id = %(district_id)s AND id = %(member_id)s AND state = 'active'
ON CONFLICT (district_id, member_id) DO UPDATE SET debt = points_wallet.debt
RETURNING debt
"""

HELD_SQL = """
SELECT coalesce(sum(remaining), 0)::bigint FROM points_lot
WHERE district_id = %(district_id)s AND member_id = %(member_id)s AND remaining > 0 AND expires_at > %(at)s
"""

MOVED_SQL = """
SELECT id, member_id, points, store_id FROM points_movement
WHERE district_id = %(district_id)s AND kind = %(kind)s AND subject_id = %(subject_id)s
"""

EARNED_TODAY_SQL = """
SELECT coalesce(sum(points), 0)::bigint, count(*) FILTER (WHERE kind = 'visit' AND points > 0) FROM points_movement
WHERE district_id = %(district_id)s AND member_id = %(member_id)s AND at >= %(since)s
  AND kind IN ('visit', 'redemption', 'purchase')
"""

SET_DEBT_SQL = """
UPDATE points_wallet SET debt = %(debt)s WHERE district_id = %(district_id)s AND member_id = %(member_id)s
"""

ADD_LOT_SQL = """
INSERT INTO points_lot (district_id, id, member_id, remaining, expires_at)
VALUES (%(district_id)s, %(id)s, %(member_id)s, %(remaining)s, %(expires_at)s)
"""

ADD_MOVEMENT_SQL = """
INSERT INTO points_movement (district_id, id, member_id, kind, subject_id, points, balance, store_id, expires_at, at)
VALUES (%(district_id)s, %(id)s, %(member_id)s, %(kind)s, %(subject_id)s, %(points)s, %(balance)s, %(store_id)s,
        %(expires_at)s, %(at)s)
"""

# The lot that is named first, then those that end soonest.
TAKE_SQL = """
WITH standing AS (
    SELECT id, remaining,
           sum(remaining) OVER (ORDER BY (id = %(first_id)s) DESC, expires_at, id) - remaining AS before
    FROM points_lot
    WHERE district_id = %(district_id)s AND member_id = %(member_id)s AND remaining > 0 AND expires_at > %(at)s
)
UPDATE points_lot SET remaining = points_lot.remaining - least(points_lot.remaining, %(points)s - standing.before)
FROM standing
WHERE points_lot.district_id = %(district_id)s AND points_lot.id = standing.id AND standing.before < %(points)s
RETURNING standing.remaining - points_lot.remaining, points_lot.expires_at
"""

SPENT_SQL = """
SELECT id, points, amount_minor, at, body_hash FROM points_spend
WHERE district_id = %(district_id)s AND till = %(till)s AND use_request_no = %(request_no)s
"""

ADD_SPEND_SQL = """
INSERT INTO points_spend (district_id, id, till, use_request_no, body_hash, member_id, merchant_id, store_id, points,
                          amount_minor, expires_at, at)
VALUES (%(district_id)s, %(id)s, %(till)s, %(request_no)s, %(body_hash)s, %(member_id)s, %(merchant_id)s,
        %(store_id)s, %(points)s, %(amount_minor)s, %(expires_at)s, %(at)s)
ON CONFLICT DO NOTHING RETURNING id
"""

SPEND_SQL = """
SELECT member_id, points, store_id, merchant_id, expires_at, at, returned_at, return_request_no FROM points_spend
WHERE district_id = %(district_id)s AND id = %(spend_id)s FOR UPDATE
"""

RETURN_SPEND_SQL = """
UPDATE points_spend SET returned_at = %(at)s, return_request_no = %(request_no)s
WHERE district_id = %(district_id)s AND id = %(spend_id)s
"""

ADD_CODE_SQL = """
INSERT INTO member_pass (district_id, code_hash, member_id, expires_at)
VALUES (%(district_id)s, %(code_hash)s, %(member_id)s, %(expires_at)s)
"""

CODE_SQL = """
SELECT member_pass.member_id FROM member_pass
JOIN member ON member.district_id = member_pass.district_id AND member.id = member_pass.member_id
WHERE member_pass.district_id = %(district_id)s AND code_hash = %(code_hash)s AND expires_at > %(machine_now)s
  AND member.state = 'active'
"""

FORGET_CODES_SQL = (
    "DELETE FROM member_pass WHERE district_id = %(district_id)s AND expires_at <= %(machine_now)s"
)

ENDING_SQL = """
SELECT DISTINCT member_id FROM (
    SELECT member_id FROM points_lot
    WHERE district_id = %(district_id)s AND remaining > 0 AND expires_at <= %(at)s
    ORDER BY expires_at LIMIT %(limit)s
) AS ending
"""

END_LOTS_SQL = """
WITH ended AS (
    SELECT id, remaining FROM points_lot
    WHERE district_id = %(district_id)s AND member_id = %(member_id)s AND remaining > 0 AND expires_at <= %(at)s
)
UPDATE points_lot SET remaining = 0 FROM ended
WHERE points_lot.district_id = %(district_id)s AND points_lot.id = ended.id
RETURNING ended.id, ended.remaining, points_lot.expires_at
"""

# A visit is made anew while late sightings come in; what has ended a while ago stays.
VISITS_SQL = """
SELECT visit.id, visit.member_id, visit.ended_at FROM visit
JOIN member ON member.district_id = visit.district_id AND member.id = visit.member_id AND member.state = 'active'
WHERE visit.district_id = %(district_id)s AND visit.trading_day >= %(day)s AND place_kind = 'district'
  AND visit.started_at >= %(since)s AND visit.ended_at <= %(until)s
  AND NOT EXISTS (
      SELECT FROM points_movement
      WHERE points_movement.district_id = visit.district_id AND points_movement.kind = 'visit'
        AND points_movement.subject_id = visit.id
  )
ORDER BY visit.ended_at LIMIT %(limit)s
"""

ENDING_BY_MONTH_SQL = """
SELECT date_trunc('month', expires_at AT TIME ZONE %(zone)s)::date, sum(remaining)::bigint FROM points_lot
WHERE district_id = %(district_id)s AND remaining > 0
GROUP BY 1 ORDER BY 1
"""

DEBTS_SQL = """
SELECT coalesce(sum(debt), 0)::bigint FROM points_wallet WHERE district_id = %(district_id)s AND debt > 0
"""
