"""SQL of members' pages."""

READER_SQL = """
SELECT (SELECT count(*) FROM inbox_item
        LEFT JOIN offer ON offer.district_id = inbox_item.district_id AND offer.id = inbox_item.offer_id
        WHERE inbox_item.district_id = member.district_id AND inbox_item.member_id = member.id
          AND inbox_item.read_at IS NULL
          AND (offer.id IS NULL OR (offer.state = 'issued' AND offer.valid_until > %(now)s)))
FROM member WHERE member.district_id = %(district_id)s AND member.id = %(member_id)s AND member.state = 'active'
"""
"""An active member's number of unread messages that are still good for something."""

MARK_READ_SQL = """
UPDATE inbox_item SET read_at = %(now)s
WHERE district_id = %(district_id)s AND member_id = %(member_id)s AND offer_id = %(offer_id)s AND read_at IS NULL
"""
