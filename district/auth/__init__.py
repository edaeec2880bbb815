"""Accounts, credentials, sessions and keys: who is calling."""
