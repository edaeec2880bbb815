"""Merchants of a district."""
