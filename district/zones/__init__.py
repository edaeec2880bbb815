"""Zones of a district, its access points and its base map."""
