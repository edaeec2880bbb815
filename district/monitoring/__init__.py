"""Metrics of the whole product for Prometheus: what the database and the event log say of every district, asked at a scrape.

Any web role answers for all roles, so none needs a port of its own. Labels are slugs and fixed words, never people.
"""
