"""Erasure and retention, over every slice."""
