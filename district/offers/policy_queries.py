"""SQL of a district's marketing policy and of its fitted model."""

POLICY_SQL = """
SELECT offers_per_day, offers_per_7d, merchant_per_day, gap_min, control_pct, holdout_pct, quiet_from, quiet_until,
       share_pct, explore_pct, typical_spend_minor, fatigue_minor, version
FROM marketing_policy WHERE district_id = %(district_id)s
"""

POINT_SQL = "SELECT value_minor FROM points_rule WHERE district_id = %(district_id)s"

NEWEST_MODEL_SQL = """
SELECT version, document FROM redeem_model WHERE district_id = %(district_id)s ORDER BY version DESC LIMIT 1
"""

LAST_FIT_SQL = """
SELECT version, fitted_at <= %(since)s FROM redeem_model
WHERE district_id = %(district_id)s ORDER BY version DESC LIMIT 1
"""

HISTORY_SQL = """
SELECT exposure.features, offer.redeemed_at IS NOT NULL, exposure.kind
FROM exposure
JOIN offer ON offer.district_id = exposure.district_id AND offer.id = exposure.offer_id
WHERE exposure.district_id = %(district_id)s AND exposure.arm = 'treated'
  AND cardinality(exposure.features) = %(features)s AND offer.valid_until <= %(now)s AND offer.state <> 'void'
ORDER BY exposure.at DESC, exposure.offer_id LIMIT %(limit)s
"""

INSERT_MODEL_SQL = """
INSERT INTO redeem_model (district_id, version, fitted_at, until, rows, redeemed, document, reliability, is_linear)
VALUES (%(district_id)s, %(version)s, %(now)s, %(now)s, %(rows)s, %(redeemed)s, %(document)s, %(reliability)s,
        %(is_linear)s)
ON CONFLICT (district_id, version) DO NOTHING
"""

FORGET_MODELS_SQL = """
DELETE FROM redeem_model WHERE district_id = %(district_id)s AND version <= %(oldest_kept)s
"""
