"""RADIUS: one-time tokens, sessions by accounting, and their end."""
