"""Feeds: vendors' payloads in, sightings out."""
