"""SQL of a campaign's report. Members count by their first exposure, in both arms alike."""

_FIRST = """
first AS (
    SELECT DISTINCT ON (member_id) member_id, arm, at, campaign_version, holdout_pct, holdout_salt
    FROM exposure WHERE district_id = :district_id AND campaign_id = :campaign_id
    ORDER BY member_id, at, occurrence_key
)
"""

ARMS_SQL = f"""
WITH {_FIRST}, person AS (
    SELECT first.arm, first.holdout_pct, first.holdout_salt, first.at, seen.*, bought.*, used.redemptions
    FROM first
    CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE started_at >= first.at) AS visits,
               count(*) FILTER (WHERE started_at < first.at AND started_at >= first.at - :history) AS visits_before,
               count(*) FILTER (WHERE started_at < first.at) AS visits_ever
        FROM visit
        WHERE visit.district_id = :district_id AND visit.member_id = first.member_id
          AND place_kind = 'store' AND place_id = ANY(CAST(:stores AS uuid[]))
          AND started_at >= first.at - :memory AND started_at < first.at + :within
    ) AS seen
    CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE purchase.at >= first.at) AS purchases,
               coalesce(sum(amount_minor - refunded_minor) FILTER (WHERE purchase.at >= first.at), 0) AS spent,
               coalesce(sum(amount_minor - refunded_minor) FILTER (WHERE purchase.at < first.at), 0) AS spent_before
        FROM purchase
        WHERE purchase.district_id = :district_id AND purchase.member_id = first.member_id
          AND purchase.store_id = ANY(CAST(:stores AS uuid[])) AND refunded_minor < amount_minor
          AND purchase.at >= first.at - :history AND purchase.at < first.at + :within
    ) AS bought
    CROSS JOIN LATERAL (
        SELECT count(*) AS redemptions
        FROM offer JOIN redemption
          ON redemption.district_id = offer.district_id AND redemption.offer_id = offer.id
        WHERE offer.district_id = :district_id AND offer.member_id = first.member_id
          AND redemption.store_id = ANY(CAST(:stores AS uuid[])) AND redemption.reversed_at IS NULL
          AND redemption.redeemed_at >= first.at AND redemption.redeemed_at < first.at + :within
    ) AS used
)
SELECT arm, holdout_pct, holdout_salt, count(*) AS people,
       count(*) FILTER (WHERE at + :within > :now) AS pending,
       count(*) FILTER (WHERE visits > 0) AS visited,
       count(*) FILTER (WHERE redemptions > 0) AS redeemed,
       count(*) FILTER (WHERE purchases > 0) AS bought,
       count(*) FILTER (WHERE visits > 0 AND visits_ever = 0) AS new,
       CAST(sum(visits) AS float8) AS visits_y, CAST(sum(visits ^ 2) AS float8) AS visits_yy,
       CAST(sum(visits_before) AS float8) AS visits_x, CAST(sum(visits_before ^ 2) AS float8) AS visits_xx,
       CAST(sum(visits * visits_before) AS float8) AS visits_xy,
       CAST(sum(spent) AS float8) AS spent_y, CAST(sum(CAST(spent AS float8) ^ 2) AS float8) AS spent_yy,
       CAST(sum(spent_before) AS float8) AS spent_x,
       CAST(sum(CAST(spent_before AS float8) ^ 2) AS float8) AS spent_xx,
       sum(CAST(spent AS float8) * CAST(spent_before AS float8)) AS spent_xy
FROM person GROUP BY arm, holdout_pct, holdout_salt
"""

# What was held out when the arm was drawn. Of before that was kept: what a version's rule says, or where it says nothing
# the district's policy, of which only the present is known.
SPLITS_SQL = f"""
WITH {_FIRST}
SELECT coalesce(
           first.holdout_pct,
           CAST(said.rule #>> '{{holdout,pct}}' AS float8),
           CASE WHEN said.rule ->> 'priority' = 'service' THEN 0
                WHEN policy.changed_at IS NULL THEN :holdout_pct
                WHEN said.rule IS NOT NULL AND first.at >= policy.changed_at THEN policy.holdout_pct END
       ) AS percent,
       count(*) FILTER (WHERE first.arm = 'treated') AS treated,
       count(*) FILTER (WHERE first.arm = 'control') AS control
FROM first
JOIN campaign ON campaign.district_id = :district_id AND campaign.id = :campaign_id
LEFT JOIN campaign_version AS version
  ON version.district_id = :district_id AND version.campaign_id = :campaign_id
 AND version.version = first.campaign_version
LEFT JOIN marketing_policy AS policy ON policy.district_id = :district_id
CROSS JOIN LATERAL (
    SELECT coalesce(
        version.rule, CASE WHEN campaign.content_version = first.campaign_version THEN campaign.rule END
    ) AS rule
) AS said
GROUP BY 1 ORDER BY 1
"""

STEPS_SQL = f"""
WITH {_FIRST}, person AS (
    SELECT bool_or(offer.state <> 'void' OR arrived.is_there) AS sent, bool_or(arrived.is_there) AS delivered,
           bool_or(offer.opened_at IS NOT NULL) AS opened, bool_or(offer.state = 'redeemed') AS redeemed
    FROM first
    JOIN offer ON offer.district_id = :district_id AND offer.campaign_id = :campaign_id
              AND offer.member_id = first.member_id
    CROSS JOIN LATERAL (
        SELECT EXISTS (
            SELECT FROM inbox_item AS item
            WHERE item.district_id = offer.district_id AND item.member_id = offer.member_id
              AND item.offer_id = offer.id
        ) AS is_there
    ) AS arrived
    WHERE first.arm = 'treated'
    GROUP BY first.member_id
)
SELECT count(*) FILTER (WHERE sent) AS sent, count(*) FILTER (WHERE delivered) AS delivered,
       count(*) FILTER (WHERE opened) AS opened, count(*) FILTER (WHERE redeemed) AS redeemed
FROM person
"""

OFFERS_SQL = """
SELECT count(*) FILTER (WHERE offer.state <> 'void') AS issued,
       count(*) FILTER (WHERE offer.state = 'void') AS withdrawn,
       count(*) FILTER (WHERE EXISTS (
           SELECT FROM inbox_item AS item
           WHERE item.district_id = offer.district_id AND item.member_id = offer.member_id
             AND item.offer_id = offer.id
       )) AS delivered,
       count(*) FILTER (WHERE offer.opened_at IS NOT NULL) AS opened,
       count(*) FILTER (WHERE offer.state = 'redeemed') AS redeemed
FROM offer WHERE offer.district_id = :district_id AND offer.campaign_id = :campaign_id
"""

# A reversal's posting names the posting of the redemption that it takes back. Points that the campaign promised cost
# what they would pay from when they are credited.
COST_SQL = """
SELECT CAST(coalesce(sum(entry.amount_minor), 0) AS bigint) AS cost_minor,
       CAST(coalesce(sum(entry.amount_minor) FILTER (WHERE measured.is_so), 0) AS bigint) AS measured_minor
FROM ledger_posting AS posting
JOIN ledger_entry AS entry ON entry.district_id = posting.district_id AND entry.posting_id = posting.id
LEFT JOIN ledger_posting AS before
  ON before.district_id = posting.district_id AND before.id = posting.reverses_id
LEFT JOIN redemption ON redemption.district_id = posting.district_id
                    AND redemption.id = coalesce(before.subject_id, posting.subject_id)
LEFT JOIN points_movement AS movement
  ON posting.kind = 'points_earned' AND movement.district_id = posting.district_id
 AND movement.id = posting.subject_id AND movement.kind = 'offer'
LEFT JOIN offer ON offer.district_id = posting.district_id
               AND offer.id = coalesce(redemption.offer_id, movement.subject_id)
CROSS JOIN LATERAL (
    SELECT EXISTS (
        SELECT FROM exposure
        WHERE exposure.district_id = :district_id AND exposure.campaign_id = :campaign_id
          AND exposure.member_id = offer.member_id AND exposure.occurrence_key = offer.occurrence_key
          AND exposure.arm = 'treated'
    ) AS is_so
) AS measured
WHERE posting.district_id = :district_id AND posting.campaign_id = :campaign_id
  AND (posting.kind IN ('redemption', 'reversal') AND entry.account = 'merchant_payable'
       OR posting.kind = 'points_earned' AND entry.account = 'points_liability')
"""

UNPRICED_SQL = """
SELECT count(*) FROM redemption
JOIN offer ON offer.district_id = redemption.district_id AND offer.id = redemption.offer_id
WHERE redemption.district_id = :district_id AND offer.campaign_id = :campaign_id
  AND redemption.reversed_at IS NULL AND redemption.discount_minor IS NULL
"""

# push.attribution.credited in SQL: the last offer in the inbox before the act, of any campaign; of two at one moment
# the smaller campaign id.
CREDITED_SQL = """
WITH told AS (
    SELECT offer.member_id, min(item.at) AS since
    FROM offer JOIN inbox_item AS item
      ON item.district_id = offer.district_id AND item.member_id = offer.member_id AND item.offer_id = offer.id
    WHERE offer.district_id = :district_id AND offer.campaign_id = :campaign_id
    GROUP BY offer.member_id
), act AS (
    SELECT 'visit' AS kind, visit.member_id, visit.started_at AS at, 0 AS amount_minor
    FROM told JOIN visit ON visit.district_id = :district_id AND visit.member_id = told.member_id
                        AND visit.started_at >= told.since
    WHERE visit.place_kind = 'store' AND visit.place_id = ANY(CAST(:stores AS uuid[]))
    UNION ALL
    SELECT 'purchase', purchase.member_id, purchase.at, amount_minor - refunded_minor
    FROM told JOIN purchase ON purchase.district_id = :district_id AND purchase.member_id = told.member_id
                           AND purchase.at >= told.since
    WHERE purchase.store_id = ANY(CAST(:stores AS uuid[])) AND refunded_minor < amount_minor
)
SELECT act.kind, count(*) AS times, count(DISTINCT act.member_id) AS members,
       CAST(sum(act.amount_minor) AS bigint) AS amount_minor
FROM act CROSS JOIN LATERAL (
    SELECT touch.campaign_id
    FROM inbox_item AS item JOIN offer AS touch
      ON touch.district_id = item.district_id AND touch.id = item.offer_id
    WHERE item.district_id = :district_id AND item.member_id = act.member_id
      AND item.at <= act.at AND item.at >= act.at - :within
    ORDER BY item.at DESC, touch.campaign_id LIMIT 1
) AS last
WHERE last.campaign_id = :campaign_id
GROUP BY act.kind
"""

REDEMPTIONS_SQL = """
SELECT count(*) FROM redemption
JOIN offer ON offer.district_id = redemption.district_id AND offer.id = redemption.offer_id
WHERE redemption.district_id = :district_id AND offer.campaign_id = :campaign_id
  AND redemption.reversed_at IS NULL
"""

# Of the treated, who withdrew from marketing by any channel, or muted the campaign's merchant, soon after he was told.
# A no where there never was a yes is no withdrawal.
OPT_OUTS_SQL = f"""
WITH {_FIRST}
SELECT count(*) AS people, count(*) FILTER (WHERE EXISTS (
           SELECT FROM consent AS said
           WHERE said.district_id = :district_id AND said.member_id = first.member_id
             AND said.purpose = 'marketing' AND NOT said.granted
             AND said.at >= first.at AND said.at < first.at + :within
             AND (SELECT before.granted FROM consent AS before
                  WHERE before.district_id = said.district_id AND before.member_id = said.member_id
                    AND before.purpose = said.purpose AND before.channel = said.channel AND before.at < said.at
                  ORDER BY before.at DESC, before.id DESC LIMIT 1)
       ) OR EXISTS (
           SELECT FROM member_mute AS mute
           JOIN campaign ON campaign.district_id = mute.district_id AND campaign.id = :campaign_id
                        AND campaign.merchant_id = mute.merchant_id
           WHERE mute.district_id = :district_id AND mute.member_id = first.member_id
             AND mute.at >= first.at AND mute.at < first.at + :within
       )) AS did
FROM first WHERE arm = 'treated'
"""

KNOW_LOOKS_SQL = """
INSERT INTO campaign_look (district_id, campaign_id, next_at)
SELECT district_id, id, :now FROM campaign
WHERE district_id = :district_id AND state IN ('live', 'paused', 'exhausted') AND rule ? 'stop_when'
ON CONFLICT DO NOTHING
"""

REFUSALS_SQL = """
SELECT reason, CAST(sum(times) AS bigint) AS times, count(DISTINCT member_id) AS members FROM refusal
WHERE district_id = :district_id AND campaign_id = :campaign_id GROUP BY reason ORDER BY reason
"""

WINNER_IDS_SQL = """
SELECT DISTINCT winner_id FROM refusal
WHERE district_id = :district_id AND campaign_id = :campaign_id AND winner_id IS NOT NULL
"""

# Winners that the caller may not see stand together.
WINNERS_SQL = """
SELECT reason, CASE WHEN winner_id = ANY(CAST(:seen AS uuid[])) THEN winner_id END AS winner_id,
       count(DISTINCT member_id) AS members
FROM refusal
WHERE district_id = :district_id AND campaign_id = :campaign_id AND winner_id IS NOT NULL
GROUP BY 1, 2 ORDER BY 1, 3 DESC, 2
"""
