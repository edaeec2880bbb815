"""Wi-Fi gateways: one file a vendor."""
