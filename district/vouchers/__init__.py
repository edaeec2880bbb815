"""Printed codes that open the Wi-Fi."""
