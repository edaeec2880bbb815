"""SQL of feeds."""

FEEDS_SQL = """
SELECT id, district_id, slug, vendor, secret, validator, datum FROM feed WHERE disabled_at IS NULL
"""

COUNT_ROWS_SQL = """
INSERT INTO feed_health (district_id, feed_id, trading_day, outcome, rows, last_at)
VALUES (%(district_id)s, %(feed_id)s, %(trading_day)s, %(outcome)s, %(rows)s, %(last_at)s)
ON CONFLICT (district_id, feed_id, trading_day, outcome)
DO UPDATE SET rows = feed_health.rows + EXCLUDED.rows, last_at = greatest(feed_health.last_at, EXCLUDED.last_at)
"""
