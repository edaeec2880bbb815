"""The dispatcher's busiest write in one statement: what was taken is recorded, and what leaves next is marked.

It is for what was taken and nothing else follows from; all other results go the long way of ``SqlOutbox.record``. Of what
one provider took in one go a single attempt is written: which messages these were they say themselves.
"""

import uuid
from collections.abc import Sequence
from typing import Final

from district.database import new_id
from push.delivery import DeliveryState, LeasedDelivery, Result

# A working address is written only when that says something new: every message would rewrite it otherwise.
EXCHANGE_SQL: Final = """
WITH done AS (
    UPDATE outbox_message AS message
    SET state = 'accepted', reason = '', lease_until = NULL, lost_leases = 0, attempts = message.attempts + 1,
        provider_id = coalesce(result.provider_id, message.provider_id),
        provider_message_id = CASE WHEN result.message_id = '' THEN message.provider_message_id
                                   ELSE result.message_id END,
        finished_at = statement_timestamp()
    FROM unnest(%(ids)s::uuid[], %(fences)s::bigint[], %(providers)s::uuid[], %(message_ids)s::text[])
         AS result (id, fence, provider_id, message_id)
    WHERE message.district_id = %(district_id)s AND message.id = result.id AND message.fence = result.fence
      AND message.state IN ('leased', 'sending')
    RETURNING message.channel, result.provider_id
), tried AS (
    INSERT INTO delivery_attempt (district_id, id, channel, provider_id, outcome, at, messages)
    SELECT %(district_id)s, (%(attempts)s::uuid[])[row_number() OVER ()], channel, provider_id, 'accepted',
           statement_timestamp(), count(*)
    FROM done GROUP BY channel, provider_id
), worked AS (
    UPDATE member_endpoint SET state = 'active', failures = 0, last_ok_at = clock_timestamp()
    WHERE district_id = %(district_id)s AND id = ANY(%(endpoints)s::uuid[])
      AND (state <> 'active' OR failures > 0 OR last_ok_at IS NULL
           OR last_ok_at < clock_timestamp() - interval '1 hour')
)
UPDATE outbox_message AS message SET state = 'sending'
FROM unnest(%(next_ids)s::uuid[], %(next_fences)s::bigint[]) AS ours (id, fence)
WHERE message.district_id = %(district_id)s AND message.id = ours.id AND message.fence = ours.fence
  AND message.state = 'leased' AND message.lease_until > clock_timestamp()
RETURNING message.id
"""


def values_of(results: Sequence[Result], providers: Sequence[uuid.UUID | None]) -> dict[str, str]:
    """What EXCHANGE_SQL needs of results that are all accepted."""
    assert all(one.state is DeliveryState.ACCEPTED for one in results)  # noqa: S101 the caller sorted them
    return {
        "ids": _array([one.id.hex for one in results]),
        "fences": _array([str(one.fence) for one in results]),
        "providers": _array([one.hex if one else "NULL" for one in providers]),
        "message_ids": _array([_quoted(one.provider_id) for one in results]),
        "attempts": _array([new_id().hex for _ in {(one.by, one.via) for one in results}]),
    }


def marks_of(deliveries: Sequence[LeasedDelivery]) -> dict[str, str]:
    """What EXCHANGE_SQL needs of those that are about to leave."""
    return {
        "next_ids": _array([one.id.hex for one in deliveries]),
        "next_fences": _array([str(one.fence) for one in deliveries]),
    }


# The driver takes a microsecond and a half for each element of a list, ten times as long as this.
def _array(elements: Sequence[str]) -> str:
    return "{" + ",".join(elements) + "}"


def _quoted(text: str) -> str:
    r"""As PostgreSQL reads an element of an array; \ and " are what means something between quotes."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
