"""SQL of the districts."""

ALL_DISTRICTS_SQL = """
SELECT id, slug, name, name_zh, ST_X(center), ST_Y(center), zone, day_start, crs, currency, country, label,
       attribution, alias_key
FROM district ORDER BY created_at, id
"""

ALL_ROUTES_SQL = "SELECT kind, key, district_id FROM route"

DISTRICT_BY_ID_SQL = ALL_DISTRICTS_SQL.replace("ORDER BY", "WHERE id = %(id)s ORDER BY")
DISTRICT_SQL = ALL_DISTRICTS_SQL.replace("ORDER BY", "WHERE slug = %(slug)s ORDER BY")
