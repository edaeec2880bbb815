"""SQL of vouchers: a code is used up by one guarded statement."""

PLAN_SQL = "SELECT id FROM plan WHERE district_id = :district_id AND slug = :slug"

BATCHES_SQL = """
SELECT batch.id, batch.name, plan.slug AS plan, batch.uses, batch.valid_until, batch.revoked_at, batch.created_at,
       counted.codes, counted.used_codes, counted.uses_taken
FROM voucher_batch AS batch
LEFT JOIN plan ON plan.district_id = batch.district_id AND plan.id = batch.plan_id
CROSS JOIN LATERAL (
    SELECT count(*) AS codes, count(*) FILTER (WHERE used > 0) AS used_codes, coalesce(sum(used), 0) AS uses_taken
    FROM voucher WHERE voucher.district_id = batch.district_id AND voucher.batch_id = batch.id
) AS counted
WHERE batch.district_id = :district_id
  AND (CAST(:id AS uuid) IS NULL OR batch.id = :id) AND (CAST(:after AS uuid) IS NULL OR batch.id > :after)
ORDER BY batch.id LIMIT :limit
"""

INSERT_CODES_SQL = """
INSERT INTO voucher (district_id, code, batch_id)
SELECT :district_id, code, :batch_id FROM unnest(CAST(:codes AS text[])) AS code
ON CONFLICT DO NOTHING
"""

STANDING_SQL = """
SELECT voucher.used, batch.uses, batch.revoked_at, batch.valid_until, batch.plan_id
FROM voucher JOIN voucher_batch AS batch
  ON batch.district_id = voucher.district_id AND batch.id = voucher.batch_id
WHERE voucher.district_id = :district_id AND voucher.code = :code
"""

TAKE_SQL = """
UPDATE voucher SET used = voucher.used + 1, first_used_at = coalesce(voucher.first_used_at, :now)
FROM voucher_batch AS batch
WHERE voucher.district_id = :district_id AND voucher.code = :code
  AND batch.district_id = voucher.district_id AND batch.id = voucher.batch_id
  AND voucher.used < batch.uses
  AND batch.revoked_at IS NULL AND (batch.valid_until IS NULL OR :now < batch.valid_until)
RETURNING batch.plan_id
"""
