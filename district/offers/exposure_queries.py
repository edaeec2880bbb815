"""SQL of exposures and of the prices of merchants' shares."""

INSERT_EXPOSURES_SQL = """
INSERT INTO exposure (district_id, campaign_id, member_id, occurrence_key, campaign_version, merchant_id, arm, at,
                      offer_id, kind, chance, score_minor, features, model_version, holdout_pct, holdout_salt)
SELECT %(district_id)s, campaign_id, member_id, occurrence_key, version, merchant_id, arm, at, offer_id, kind, chance,
       score_minor, features::float8[], model_version, holdout_pct, holdout_salt
FROM unnest(%(campaigns)s::uuid[], %(members)s::uuid[], %(keys)s::text[], %(versions)s::int[], %(merchants)s::uuid[],
            %(arms)s::text[], %(at)s::timestamptz[], %(offers)s::uuid[], %(kinds)s::text[], %(chances)s::float8[],
            %(scores)s::float8[], %(features)s::text[], %(models)s::int[], %(shares)s::float8[], %(salts)s::text[])
     AS seen (campaign_id, member_id, occurrence_key, version, merchant_id, arm, at, offer_id, kind, chance,
              score_minor, features, model_version, holdout_pct, holdout_salt)
ORDER BY campaign_id, member_id, occurrence_key
ON CONFLICT (district_id, campaign_id, member_id, occurrence_key) DO NOTHING
"""

KNOWN_OCCASIONS_SQL = """
SELECT campaign_id, member_id, occurrence_key FROM exposure
WHERE district_id = %(district_id)s
  AND (campaign_id, member_id, occurrence_key) IN (
      SELECT * FROM unnest(%(campaigns)s::uuid[], %(members)s::uuid[], %(keys)s::text[])
  )
"""

TAKEN_SQL = """
SELECT member_id, scope, taken_at, offer_id FROM cap_slot
WHERE district_id = %(district_id)s AND member_id = ANY(%(members)s::uuid[]) AND scope = ANY(%(scopes)s::text[])
"""

STOCKED_SQL = """
SELECT campaign_id FROM stock_now
WHERE district_id = %(district_id)s AND campaign_id = ANY(%(campaigns)s::uuid[]) AND NOT is_sold_out
"""

RELEASE_OWN_SQL = """
DELETE FROM cap_slot
WHERE district_id = %(district_id)s AND member_id = ANY(%(members)s::uuid[])
  AND offer_id = ANY(%(offers)s::uuid[])
"""

PRICES_SQL = "SELECT merchant_id, price_minor, served FROM merchant_price WHERE district_id = %(district_id)s"

SERVE_SQL = """
WITH change AS (
    SELECT wanted.*
    FROM unnest(%(merchants)s::uuid[], %(steps)s::float8[], %(served)s::bigint[], %(competed)s::bigint[],
                %(won)s::bigint[]) AS wanted (merchant_id, step_minor, served, competed, won)
    JOIN merchant ON merchant.district_id = %(district_id)s AND merchant.id = wanted.merchant_id
)
INSERT INTO merchant_price AS price (district_id, merchant_id, price_minor, served, competed, won, changed_at)
SELECT %(district_id)s, merchant_id, greatest(0, step_minor), served, competed, won, %(now)s
FROM change ORDER BY merchant_id
ON CONFLICT (district_id, merchant_id) DO UPDATE
SET price_minor = greatest(
        0, price.price_minor + (SELECT step_minor FROM change WHERE change.merchant_id = price.merchant_id)
    ),
    served = price.served + EXCLUDED.served,
    competed = price.competed + EXCLUDED.competed,
    won = price.won + EXCLUDED.won,
    changed_at = EXCLUDED.changed_at
"""
