"""Districts and the routes that find one from a name or key."""
