"""What must hold, asked of the database: how things stand after every step, and all rules every so often."""

from typing import Final

# Each row names a broken rule. The numbers are those of reliability's invariants where there is one.
_BROKEN: Final = {
    "I1: an offer is redeemed twice": """
        SELECT FROM redemption WHERE district_id = %(d)s AND reversed_at IS NULL
        GROUP BY offer_id HAVING count(*) > 1""",
    "I1: a redeemed offer has no redemption, or one has no redeemed offer": """
        SELECT FROM (SELECT id FROM offer WHERE district_id = %(d)s AND state = 'redeemed') AS offer
        FULL JOIN (SELECT offer_id FROM redemption WHERE district_id = %(d)s AND reversed_at IS NULL) AS used
          ON used.offer_id = offer.id WHERE offer.id IS NULL OR used.offer_id IS NULL""",
    "I2: more is issued than there is": """
        SELECT FROM campaign_stock WHERE district_id = %(d)s AND (issued < 0 OR issued > quota)""",
    "I3: an occasion has two offers": """
        SELECT FROM offer WHERE district_id = %(d)s
        GROUP BY campaign_id, member_id, occurrence_key HAVING count(*) > 1""",
    "a piece belongs to no open offer": """
        SELECT FROM pool_piece AS piece LEFT JOIN offer
          ON offer.district_id = %(d)s AND offer.id = piece.offer_id
        WHERE piece.district_id = %(d)s AND piece.offer_id IS NOT NULL AND offer.id IS NULL""",
    "an offer has two pieces": """
        SELECT FROM pool_piece WHERE district_id = %(d)s AND offer_id IS NOT NULL
        GROUP BY offer_id HAVING count(*) > 1""",
    "the red packets are not their total": """
        SELECT FROM pool_piece WHERE district_id = %(d)s AND amount_minor IS NOT NULL
        GROUP BY campaign_id HAVING sum(amount_minor) <> 1000 OR count(*) <> 4 OR min(amount_minor) < 50""",
    "a red packet is not worth what was drawn": """
        SELECT FROM pool_piece AS piece JOIN offer ON offer.district_id = %(d)s AND offer.id = piece.offer_id
        WHERE piece.district_id = %(d)s AND piece.amount_minor <> (offer.value ->> 'minor_units')::int""",
    "I6: the budget is not what its offers hold": """
        SELECT FROM allowance LEFT JOIN (
            SELECT campaign_id, sum(held_minor) AS minor FROM offer
            WHERE district_id = %(d)s AND state <> 'void' GROUP BY campaign_id
        ) AS held USING (campaign_id)
        WHERE district_id = %(d)s AND period = 'total' AND allowance.minor <> coalesce(held.minor, 0)""",
    "the days' allowances are not the whole": """
        SELECT FROM allowance WHERE district_id = %(d)s GROUP BY campaign_id
        HAVING sum(minor) FILTER (WHERE period = 'total') <> sum(minor) FILTER (WHERE period <> 'total')
            OR sum(offers) FILTER (WHERE period = 'total') <> sum(offers) FILTER (WHERE period <> 'total')""",
    "a slot belongs to no offer that stands": """
        SELECT FROM cap_slot LEFT JOIN offer ON offer.district_id = %(d)s AND offer.id = cap_slot.offer_id
         AND offer.state <> 'void'
        WHERE cap_slot.district_id = %(d)s AND offer.id IS NULL""",
    "a ticket won nothing": """
        SELECT FROM drop_ticket LEFT JOIN offer ON offer.district_id = %(d)s AND offer.id = drop_ticket.offer_id
        WHERE drop_ticket.district_id = %(d)s AND (drop_ticket.state = 'won') <> (offer.id IS NOT NULL)""",
    "a use is not booked once, or not for what it took off": """
        SELECT FROM redemption LEFT JOIN ledger_posting AS posting
          ON posting.district_id = %(d)s AND posting.kind = 'redemption' AND posting.subject_id = redemption.id
        LEFT JOIN LATERAL (
            SELECT coalesce(sum(amount_minor), 0) AS paid FROM ledger_transfer AS one
            WHERE one.district_id = %(d)s AND one.posting_id = posting.id AND one.target = 'merchant_payable'
        ) AS moved ON true
        WHERE redemption.district_id = %(d)s
          AND (posting.id IS NULL OR moved.paid <> coalesce(redemption.discount_minor, 0))""",
    "a reversal is not the opposite of its use": """
        SELECT FROM redemption
        LEFT JOIN reversal ON reversal.district_id = %(d)s AND reversal.redemption_id = redemption.id
        LEFT JOIN ledger_posting AS posting
          ON posting.district_id = %(d)s AND posting.kind = 'reversal' AND posting.subject_id = reversal.id
        LEFT JOIN LATERAL (
            SELECT coalesce(sum(amount_minor), 0) AS back FROM ledger_transfer AS one
            WHERE one.district_id = %(d)s AND one.posting_id = posting.id AND one.source = 'merchant_payable'
        ) AS moved ON true
        WHERE redemption.district_id = %(d)s
          AND ((redemption.reversed_at IS NULL) <> (reversal.id IS NULL)
            OR (reversal.id IS NULL) <> (posting.id IS NULL)
            OR reversal.id IS NOT NULL AND moved.back <> coalesce(redemption.discount_minor, 0))""",
    "the books do not sum to nothing": """
        SELECT FROM (SELECT sum(amount_minor) AS whole FROM ledger_entry WHERE district_id = %(d)s) AS books
        WHERE whole <> 0""",
    "a member's points are not what moved": """
        SELECT FROM member
        LEFT JOIN LATERAL (SELECT coalesce(sum(remaining), 0) AS points FROM points_lot
            WHERE points_lot.district_id = %(d)s AND points_lot.member_id = member.id) AS lots ON true
        LEFT JOIN points_wallet AS wallet ON wallet.district_id = %(d)s AND wallet.member_id = member.id
        LEFT JOIN LATERAL (SELECT coalesce(sum(points), 0) AS points FROM points_movement
            WHERE points_movement.district_id = %(d)s AND points_movement.member_id = member.id) AS moved ON true
        WHERE member.district_id = %(d)s AND lots.points - coalesce(wallet.debt, 0) <> moved.points""",
    "all members' points are not what moved": """
        SELECT FROM (
            SELECT (SELECT coalesce(sum(remaining), 0) FROM points_lot WHERE district_id = %(d)s)
                 - (SELECT coalesce(sum(debt), 0) FROM points_wallet WHERE district_id = %(d)s) AS held,
                   (SELECT coalesce(sum(points), 0) FROM points_movement WHERE district_id = %(d)s) AS moved
        ) AS points WHERE held <> moved""",
    "points are not what is owed for them": """
        SELECT FROM (
            SELECT (SELECT coalesce(sum(remaining), 0) FROM points_lot WHERE district_id = %(d)s)
                 - (SELECT coalesce(sum(debt), 0) FROM points_wallet WHERE district_id = %(d)s) AS held,
                   (SELECT coalesce(sum(amount_minor), 0) FROM ledger_entry
                    WHERE district_id = %(d)s AND account = 'points_liability') AS owed
        ) AS points WHERE held * 3 <> owed""",
    "what a till gave in vain is not booked, or not for what it gave": """
        SELECT FROM offline_entry AS entry LEFT JOIN ledger_posting AS posting
          ON posting.district_id = %(d)s AND posting.kind = 'offline_conflict' AND posting.subject_id = entry.id
        LEFT JOIN LATERAL (
            SELECT coalesce(sum(amount_minor), 0) AS paid FROM ledger_transfer AS one
            WHERE one.district_id = %(d)s AND one.posting_id = posting.id AND one.target = 'merchant_payable'
        ) AS moved ON true
        WHERE entry.district_id = %(d)s
          AND ((entry.outcome = 'conflict') <> (posting.id IS NOT NULL)
            OR posting.id IS NOT NULL AND moved.paid <> coalesce(entry.discount_minor, 0))""",
    "a till without a line used a coupon that has no redemption, or two entries are one use": """
        SELECT FROM (
            SELECT entry.id, entry.redemption_id, count(*) OVER (PARTITION BY entry.redemption_id) AS times
            FROM offline_entry AS entry WHERE entry.district_id = %(d)s AND entry.outcome = 'redeemed'
        ) AS used LEFT JOIN redemption ON redemption.district_id = %(d)s AND redemption.id = used.redemption_id
        WHERE redemption.id IS NULL OR times > 1""",
    "a refund is more than its purchase": """
        SELECT FROM purchase LEFT JOIN LATERAL (
            SELECT coalesce(sum(amount_minor), 0) AS minor FROM purchase_refund AS refund
            WHERE refund.district_id = %(d)s AND refund.purchase_id = purchase.id) AS back ON true
        WHERE purchase.district_id = %(d)s
          AND (back.minor <> refunded_minor OR refunded_minor > amount_minor)""",
    "closed statements are not what was cleared": """
        SELECT FROM (
            SELECT (SELECT coalesce(sum(net_minor), 0) FROM statement WHERE district_id = %(d)s) AS net,
                   (SELECT coalesce(sum(amount_minor), 0) FROM ledger_entry
                    WHERE district_id = %(d)s AND account = 'clearing') AS cleared
        ) AS days WHERE net <> cleared""",
    "an offer has more than one message to its member": """
        SELECT FROM outbox_message WHERE district_id = %(d)s AND offer_id IS NOT NULL AND channel = 'inbox'
        GROUP BY offer_id HAVING count(*) > 1""",
}


def rules() -> str:
    """The names of the rules that are broken."""
    broken = " UNION ALL ".join(
        f"SELECT '{name.replace(chr(39), chr(39) * 2)}' WHERE EXISTS ({sql})" for name, sql in _BROKEN.items()
    )
    return f"SELECT ARRAY({broken})"


def standing() -> str:
    """How offers, stocks and allowances stand: what the model says about each of them."""
    return """
    SELECT
        (SELECT jsonb_object_agg(id, state) FROM offer WHERE district_id = %(d)s),
        (SELECT jsonb_object_agg(stock.campaign_id, jsonb_build_array(campaign.state, stock.quota, stock.issued))
         FROM campaign_stock AS stock JOIN campaign
           ON campaign.district_id = %(d)s AND campaign.id = stock.campaign_id
         WHERE stock.district_id = %(d)s),
        (SELECT jsonb_object_agg(campaign_id, jsonb_build_array(pieces, taken)) FROM (
            SELECT campaign_id, count(*) AS pieces, count(offer_id) AS taken FROM pool_piece
            WHERE district_id = %(d)s GROUP BY campaign_id) AS pool),
        (SELECT jsonb_object_agg(campaign_id || ' ' || period, jsonb_build_array(offers, minor))
         FROM allowance WHERE district_id = %(d)s)
    """
