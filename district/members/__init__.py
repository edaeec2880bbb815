"""Members, their device aliases and their consents."""
