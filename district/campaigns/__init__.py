"""Campaigns: who, where, when, what, how often."""
