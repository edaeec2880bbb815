"""Visits made from recorded sightings."""
