"""Deliveries: from the outbox through a channel to a member."""
