"""Offers: issued once, kept in the member's wallet."""
