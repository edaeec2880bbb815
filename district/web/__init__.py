"""Pages: what shoppers, merchants and operators see in a browser."""
