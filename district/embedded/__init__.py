"""One machine's own servers: the private PostgreSQL and NATS, their installer, and the supervisor of the roles."""
