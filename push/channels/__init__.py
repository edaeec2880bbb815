"""One file a delivery channel, each behind the same small protocol."""
