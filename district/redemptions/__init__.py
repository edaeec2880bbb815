"""Redemptions: an offer used once, at a till."""
