"""SQL that ends what is kept of a person, and what has been kept long enough.

Each statement names its district first. Erasing leaves counts as they were: what is counted by person is counted under
a name that was drawn for the purpose and is stored nowhere else.
"""

from typing import Final

ERASE: Final = (
    # Whoever records a delivery or issues an offer locks the member first too.
    "SELECT 1 FROM member WHERE district_id = :district_id AND id = :member_id FOR UPDATE",
    "DELETE FROM inbox_item WHERE district_id = :district_id AND member_id = :member_id",
    """
    UPDATE outbox_message
    SET payload = CASE WHEN state = 'sending' THEN payload ELSE '{}' END,
        state = CASE WHEN state IN ('queued', 'leased') THEN 'suppressed' ELSE state END,
        reason = CASE WHEN state IN ('queued', 'leased') THEN 'erased' ELSE reason END,
        fence = fence + CASE WHEN state IN ('queued', 'leased') THEN 1 ELSE 0 END,
        finished_at = CASE WHEN state IN ('queued', 'leased') THEN clock_timestamp() ELSE finished_at END
    WHERE district_id = :district_id
      AND (member_id = :member_id OR payload ->> 'to' = ANY(ARRAY[:phone, :email]::text[]))
    """,
    # What nobody can use any more is somebody else's to have: its piece of the stock and its money go back.
    """
    WITH ended AS (
        UPDATE offer SET state = 'void'
        WHERE district_id = :district_id AND member_id = :member_id AND state IN ('reserved', 'issued', 'opened')
        RETURNING id, campaign_id, valid_until, held_day, held_minor
    ), pieces AS (
        UPDATE pool_piece SET offer_id = NULL FROM ended
        WHERE pool_piece.district_id = :district_id AND pool_piece.offer_id = ended.id AND ended.valid_until > :now
    ), held AS (
        SELECT campaign_id, period, count(*) FILTER (WHERE valid_until > :now) AS offers, sum(held_minor) AS minor
        FROM ended CROSS JOIN LATERAL (VALUES ('total'), (held_day)) AS both_periods (period)
        WHERE held_day <> '' GROUP BY campaign_id, period
    ), freed AS (
        UPDATE allowance SET offers = allowance.offers - held.offers, minor = allowance.minor - held.minor
        FROM held WHERE allowance.district_id = :district_id AND allowance.campaign_id = held.campaign_id
          AND allowance.period = held.period
    ), returned AS (
        SELECT campaign_id, count(*) AS amount FROM ended WHERE valid_until > :now GROUP BY campaign_id
    )
    UPDATE campaign_stock AS stock SET issued = greatest(0, stock.issued - returned.amount)
    FROM returned WHERE stock.district_id = :district_id AND stock.campaign_id = returned.campaign_id
    """,
    """
    UPDATE offer SET trigger_lon = NULL, trigger_lat = NULL, why = '{}'
    WHERE district_id = :district_id AND member_id = :member_id
    """,
    "DELETE FROM cap_slot WHERE district_id = :district_id AND member_id = :member_id",
    "DELETE FROM drop_ticket WHERE district_id = :district_id AND member_id = :member_id",
    "DELETE FROM pending_trigger WHERE district_id = :district_id AND member_id = :member_id",
    "DELETE FROM raw_sighting WHERE district_id = :district_id AND member_id = :member_id",
    """
    UPDATE visit SET member_id = :stranger, device = NULL
    WHERE district_id = :district_id AND member_id = :member_id
    """,
    "UPDATE refusal SET member_id = :stranger WHERE district_id = :district_id AND member_id = :member_id",
    """
    UPDATE exposure SET member_id = :stranger, features = '{}'
    WHERE district_id = :district_id AND member_id = :member_id
    """,
    "DELETE FROM idempotent_answer WHERE district_id = :district_id AND principal = :principal",
    "DELETE FROM wallet_pass WHERE district_id = :district_id AND member_id = :member_id",
    "DELETE FROM member_endpoint WHERE district_id = :district_id AND member_id = :member_id",
    "DELETE FROM wechat_grant WHERE district_id = :district_id AND member_id = :member_id",
    "DELETE FROM member_mute WHERE district_id = :district_id AND member_id = :member_id",
    "DELETE FROM follow WHERE district_id = :district_id AND member_id = :member_id",
    "DELETE FROM member_event WHERE district_id = :district_id AND member_id = :member_id",
    "DELETE FROM member_tag WHERE district_id = :district_id AND member_id = :member_id",
    "DELETE FROM segment_member WHERE district_id = :district_id AND member_id = :member_id",
    "DELETE FROM contact_list_entry WHERE district_id = :district_id AND contact_hash = ANY(:contact_hashes)",
    "DELETE FROM member_identity WHERE district_id = :district_id AND member_id = :member_id",
    "DELETE FROM hand_over WHERE district_id = :district_id AND member_id = :member_id",
    "DELETE FROM voucher_use WHERE district_id = :district_id AND member_id = :member_id",
    "DELETE FROM radius_credential WHERE district_id = :district_id AND member_id = :member_id",
    "DELETE FROM radius_token WHERE district_id = :district_id AND member_id = :member_id",
    "DELETE FROM radius_place WHERE district_id = :district_id AND member_id = :member_id",
    "DELETE FROM sms_join WHERE district_id = :district_id AND phone <> '' AND phone = :phone",
    # What RADIUS told stays as a session of nobody; one that is still on needs its name to be ended.
    """
    UPDATE radius_session
    SET member_id = NULL, alias = NULL, username = CASE WHEN stopped_at IS NULL THEN username ELSE '' END
    WHERE district_id = :district_id AND member_id = :member_id
    """,
    "DELETE FROM purchase WHERE district_id = :district_id AND member_id = :member_id",
    "DELETE FROM purchase_link WHERE district_id = :district_id AND member_id = :member_id",
    "UPDATE consent SET address = '', agent = '' WHERE district_id = :district_id AND member_id = :member_id",
    """
    DELETE FROM member_merge
    WHERE district_id = :district_id AND (kept_id = :member_id OR merged_id = :member_id)
    """,
    """
    DELETE FROM alarm WHERE district_id = :district_id AND subject IN (
        SELECT encode(alias, 'hex') FROM device_alias WHERE district_id = :district_id AND member_id = :member_id)
    """,
)

FORGET: Final = {
    "rate_count": "DELETE FROM rate_count WHERE district_id = %(district_id)s AND period_start < %(a_day_ago)s",
    "one_time_code": (
        "DELETE FROM one_time_code WHERE district_id = %(district_id)s AND created_at < %(a_day_ago)s"
    ),
    "login_session": "DELETE FROM login_session WHERE district_id = %(district_id)s AND expires_at <= %(now)s",
    "redirect_use": (
        "DELETE FROM redirect_use WHERE district_id = %(district_id)s AND used_at < %(redirects_before)s"
    ),
    "redirect_sight": (
        "DELETE FROM redirect_sight WHERE district_id = %(district_id)s AND first_at < %(redirects_before)s"
    ),
    "oidc_login": "DELETE FROM oidc_login WHERE district_id = %(district_id)s AND created_at < %(a_day_ago)s",
    "wechat_grant": "DELETE FROM wechat_grant WHERE district_id = %(district_id)s AND taken_at < %(a_day_ago)s",
    "hand_over": "DELETE FROM hand_over WHERE district_id = %(district_id)s AND expires_at < %(a_day_ago)s",
    "sign_in_visit": (
        "DELETE FROM sign_in_visit WHERE district_id = %(district_id)s AND shown_at < %(sign_ins_before)s"
    ),
    "code_message": """
        UPDATE outbox_message SET payload = payload - 'code' - 'to'
        WHERE district_id = %(district_id)s AND purpose = 'code' AND payload ?| ARRAY['code', 'to']
          AND (finished_at < %(codes_before)s OR created_at < %(codes_made_before)s)
    """,
    "consent_trace": """
        UPDATE consent SET address = '', agent = ''
        WHERE district_id = %(district_id)s AND at < %(traces_before)s AND (address <> '' OR agent <> '')
    """,
    "member_event": (
        "DELETE FROM member_event WHERE district_id = %(district_id)s AND at < %(events_before)s"
    ),
    # An emptied list is unknown: a rule that leaves out who is on it finds nobody until it is uploaded again.
    "contact_list": """
        WITH emptied AS (
            UPDATE contact_list SET uploaded_at = NULL, entries = 0
            WHERE district_id = %(district_id)s AND uploaded_at < %(lists_before)s RETURNING id
        )
        DELETE FROM contact_list_entry
        WHERE district_id = %(district_id)s AND list_id IN (SELECT id FROM emptied)
    """,
    # What was removed on a page and not brought back: its name says when.
    **{
        f"removed_{table}": f"""
            DELETE FROM {table} WHERE district_id = %(district_id)s AND left(name, 1) = '~'
              AND CAST(split_part(name, '~', 2) AS bigint) < extract(epoch FROM CAST(%(removed_before)s AS timestamptz))
        """
        for table in ("segment", "tag", "contact_list")
    },
    "wifi_session": (
        "DELETE FROM wifi_session WHERE district_id = %(district_id)s AND granted_at < %(wifi_before)s"
    ),
    "radius_session": """
        DELETE FROM radius_session WHERE district_id = %(district_id)s AND unique_id IN (
            SELECT unique_id FROM radius_session
            WHERE district_id = %(district_id)s AND stopped_at < %(radius_before)s
            ORDER BY stopped_at LIMIT %(at_once)s)
    """,
    "sms_join": "DELETE FROM sms_join WHERE district_id = %(district_id)s AND created_at < %(a_day_ago)s",
    "sms_message": (
        "DELETE FROM sms_message WHERE district_id = %(district_id)s AND received_at < %(texts_before)s"
    ),
}
