"""SQL of members' pages."""

READER_SQL = """
SELECT (SELECT count(*) FROM inbox_item
        WHERE inbox_item.district_id = member.district_id AND inbox_item.member_id = member.id
          AND inbox_item.read_at IS NULL)
FROM member WHERE member.district_id = %(district_id)s AND member.id = %(member_id)s AND member.state = 'active'
"""

MARK_READ_SQL = """
UPDATE inbox_item SET read_at = %(now)s
WHERE district_id = %(district_id)s AND member_id = %(member_id)s AND offer_id = %(offer_id)s AND read_at IS NULL
"""
