"""SQL of a district's marketing policy and of its fitted model."""

POLICY_SQL = """
SELECT offers_per_day, offers_per_7d, merchant_per_day, gap_min, control_pct, holdout_pct, quiet_from, quiet_until,
       share_pct, explore_pct, typical_spend_minor, fatigue_minor, version
FROM marketing_policy WHERE district_id = %(district_id)s
"""

NEWEST_MODEL_SQL = """
SELECT version, document FROM redeem_model WHERE district_id = %(district_id)s ORDER BY version DESC LIMIT 1
"""
