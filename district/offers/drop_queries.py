"""SQL of drops: places in line, and the locks by which nobody who came earlier is passed over."""

JOIN_DROP_SQL = """
INSERT INTO drop_ticket (district_id, campaign_id, member_id, joined_at)
VALUES (%(district_id)s, %(campaign_id)s, %(member_id)s, %(now)s)
ON CONFLICT DO NOTHING
"""

# Whoever joins holds the drop's lock shared until his ticket is committed; who settles holds it alone. So he sees every
# ticket with a number below the highest that he sees, and nobody who came earlier is passed over.
JOINING_SQL = "SELECT pg_advisory_xact_lock_shared(hashtextextended(%(lock)s, 0))"
SETTLING_SQL = "SELECT pg_try_advisory_xact_lock(hashtextextended(%(lock)s, 0))"
SETTLING_WAITS_SQL = "SELECT true FROM (SELECT pg_advisory_xact_lock(hashtextextended(%(lock)s, 0))) AS taken"

WAITING_SQL = """
SELECT ticket.member_id, ticket.number FROM drop_ticket AS ticket
JOIN member ON member.district_id = ticket.district_id AND member.id = ticket.member_id
WHERE ticket.district_id = %(district_id)s AND ticket.campaign_id = %(campaign_id)s AND ticket.state = 'waiting'
  AND member.state = 'active'
ORDER BY ticket.number LIMIT %(limit)s
"""

WON_SQL = """
UPDATE drop_ticket SET state = CASE WHEN won.offer_id IS NULL THEN 'lost' ELSE 'won' END, offer_id = won.offer_id,
       settled_at = %(now)s
FROM unnest(%(members)s::uuid[], %(offers)s::uuid[]) AS won (member_id, offer_id)
WHERE drop_ticket.district_id = %(district_id)s AND drop_ticket.campaign_id = %(campaign_id)s
  AND drop_ticket.member_id = won.member_id
"""

LOST_SQL = """
UPDATE drop_ticket SET state = 'lost', settled_at = %(now)s
WHERE district_id = %(district_id)s AND campaign_id = %(campaign_id)s AND state = 'waiting'
"""

TICKET_SQL = """
SELECT ticket.state, ticket.number, ticket.offer_id, ticket.joined_at,
       CASE WHEN ticket.state = 'waiting' THEN (
           SELECT count(*) FROM drop_ticket AS earlier
           WHERE earlier.district_id = ticket.district_id AND earlier.campaign_id = ticket.campaign_id
             AND earlier.state = 'waiting' AND earlier.number < ticket.number
       ) ELSE 0 END
FROM drop_ticket AS ticket
WHERE ticket.district_id = %(district_id)s AND ticket.campaign_id = %(campaign_id)s
  AND ticket.member_id = %(member_id)s
"""

DROPS_WAITING_SQL = """
SELECT DISTINCT campaign_id FROM drop_ticket WHERE district_id = %(district_id)s AND state = 'waiting'
"""
