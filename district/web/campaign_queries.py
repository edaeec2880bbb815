"""SQL of the lists of campaigns in the operator's and the properties' consoles. Every statement names the district first."""

FIGURES_SQL = """
SELECT campaign.id,
       CASE WHEN :is_chinese THEN coalesce(nullif(merchant.name_zh, ''), merchant.name) ELSE merchant.name END AS merchant,
       CASE WHEN :is_chinese THEN coalesce(nullif(property.name_zh, ''), property.name) ELSE property.name END AS property,
       stock.quota, given.issued, given.opened, given.redeemed
FROM campaign
LEFT JOIN merchant ON merchant.district_id = campaign.district_id AND merchant.id = campaign.merchant_id
LEFT JOIN property ON property.district_id = campaign.district_id AND property.id = campaign.property_id
LEFT JOIN campaign_stock AS stock
       ON stock.district_id = campaign.district_id AND stock.campaign_id = campaign.id
LEFT JOIN LATERAL (
    SELECT count(*) FILTER (WHERE offer.state <> 'void') AS issued, count(offer.opened_at) AS opened,
           count(*) FILTER (WHERE offer.state = 'redeemed') AS redeemed
    FROM offer WHERE offer.district_id = campaign.district_id AND offer.campaign_id = campaign.id
) AS given ON true
WHERE campaign.district_id = :district_id AND campaign.id = ANY(:ids)
"""
