"""SQL of dry runs: who walked where yesterday, and what a campaign would begin with. All of it is rolled back."""

LEAST_PEOPLE = 10
"""The smallest group of people of which anything is told."""

MAKE_LIVE_SQL = (
    "UPDATE campaign SET state = 'live' WHERE district_id = %(district_id)s AND id = %(campaign_id)s"
)

# A changed version that waits for approval is what its author wants to know of.
NEWEST_SQL = """
UPDATE campaign SET rule = newest.rule, offer = newest.offer, fence = newest.fence, floor = newest.floor,
       starts_at = newest.starts_at, ends_at = newest.ends_at, content_version = newest.version, name = newest.name
FROM campaign_version AS newest
WHERE campaign.district_id = %(district_id)s AND campaign.id = %(campaign_id)s
  AND newest.district_id = campaign.district_id AND newest.campaign_id = campaign.id
  AND newest.version = campaign.pending_version
RETURNING newest.store_ids, campaign.holds_until IS NOT NULL
"""

NO_STORES_SQL = """
DELETE FROM campaign_store
WHERE district_id = %(district_id)s AND campaign_id = %(campaign_id)s AND store_id <> ALL(%(stores)s::uuid[])
"""

STORES_SQL = """
INSERT INTO campaign_store (district_id, campaign_id, store_id)
SELECT %(district_id)s, %(campaign_id)s, store_id FROM unnest(%(stores)s::uuid[]) AS wanted (store_id)
ON CONFLICT DO NOTHING
"""

LIMITS_SQL = """
SELECT set_config('statement_timeout', %(timeout)s, true), set_config('lock_timeout', '2s', true),
       set_config('jit', 'off', true)
"""

# Members seen on a day in the 25 m cells that a campaign's ground touches; a cell of too few people is not looked at.
WALKED_SQL = f"""
WITH seen AS MATERIALIZED (
    SELECT DISTINCT floor(lon / %(step_lon)s)::int AS x, floor(lat / %(step_lat)s)::int AS y, member_id, device
    FROM raw_sighting
    WHERE district_id = %(district_id)s AND at >= %(since)s AND at < %(until)s
      AND lon BETWEEN %(west)s AND %(east)s AND lat BETWEEN %(south)s AND %(north)s
), cell AS (
    SELECT x, y FROM seen GROUP BY x, y
    HAVING count(DISTINCT coalesce(member_id::text, encode(device, 'hex'))) >= {LEAST_PEOPLE}
), touched AS (
    SELECT cell.x, cell.y FROM cell
    JOIN campaign ON campaign.district_id = %(district_id)s AND campaign.id = %(campaign_id)s
    WHERE ST_Intersects(campaign.fence, ST_MakeEnvelope(
        cell.x * %(step_lon)s, cell.y * %(step_lat)s, (cell.x + 1) * %(step_lon)s, (cell.y + 1) * %(step_lat)s, 4326))
)
SELECT DISTINCT member_id FROM seen JOIN touched USING (x, y) WHERE member_id IS NOT NULL LIMIT %(limit)s
"""

HAS_POSITIONS_SQL = """
SELECT EXISTS (
    SELECT FROM raw_sighting
    WHERE district_id = %(district_id)s AND at >= %(since)s AND at < %(until)s AND lon IS NOT NULL
      AND member_id IS NOT NULL
)
"""

# Members who visited stores on the ground; a store of too few people is not looked at.
VISITED_SQL = f"""
WITH here AS (
    SELECT store.id FROM store
    LEFT JOIN imported_place AS imported
           ON imported.district_id = store.district_id AND imported.ref = store.ref
    JOIN campaign ON campaign.district_id = store.district_id AND campaign.id = %(campaign_id)s
    WHERE store.district_id = %(district_id)s
      AND ST_Intersects(campaign.fence, coalesce(store.location, imported.location))
), came AS MATERIALIZED (
    SELECT visit.place_id, visit.member_id FROM visit JOIN here ON here.id = visit.place_id
    WHERE visit.district_id = %(district_id)s AND visit.place_kind = 'store' AND visit.member_id IS NOT NULL
      AND visit.started_at >= %(since)s AND visit.started_at < %(until)s
    GROUP BY visit.place_id, visit.member_id
)
SELECT DISTINCT member_id FROM came
WHERE place_id IN (SELECT place_id FROM came GROUP BY place_id HAVING count(*) >= {LEAST_PEOPLE})
LIMIT %(limit)s
"""

LEFT_SQL = """
SELECT quota - issued FROM stock_now WHERE district_id = %(district_id)s AND campaign_id = %(campaign_id)s
"""

OTHERS_SQL = """
SELECT id FROM campaign
WHERE district_id = %(district_id)s AND state = 'live' AND id <> %(campaign_id)s
ORDER BY merchant_id IS NOT DISTINCT FROM %(merchant_id)s DESC, id LIMIT %(limit)s
"""

CAME_SQL = """
SELECT count(DISTINCT visit.member_id)
FROM visit
JOIN campaign_store ON campaign_store.district_id = visit.district_id AND campaign_store.store_id = visit.place_id
WHERE visit.district_id = %(district_id)s AND campaign_store.campaign_id = %(campaign_id)s
  AND visit.place_kind = 'store' AND visit.member_id = ANY(%(members)s::uuid[])
  AND visit.started_at >= %(since)s AND visit.started_at < %(until)s
"""
