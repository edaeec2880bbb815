"""Footfall: counts of people that may be published."""
