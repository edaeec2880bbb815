"""The engine role: sightings in, crossings, live counts and offers out. One engine decides for a district."""

from district.engine.role import main

__all__ = ["main"]
