"""Sightings: published to the stream, recorded in the database."""
