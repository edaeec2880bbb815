"""SQL of sessions and keys."""

ALL_KEYS_SQL = """
SELECT key_hash, district_id, id, role, scope_id, merchant_id FROM api_key WHERE revoked_at IS NULL
"""

SESSION_SQL = """
SELECT role, subject_id, scope_id, expires_at FROM login_session
WHERE district_id = %(district_id)s AND token_hash = %(token_hash)s AND revoked_at IS NULL
"""

FORGET_ANSWERS_SQL = """
DELETE FROM idempotent_answer WHERE district_id = %(district_id)s AND created_at <= %(before)s
"""
