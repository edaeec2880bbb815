"""Purchases: what tills and payment providers say that members bought."""
