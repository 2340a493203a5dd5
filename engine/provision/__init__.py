"""Where an engine runs: PostgreSQL, pgbouncer, the service, its processes and their crashes."""
