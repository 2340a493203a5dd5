"""One way to ask a service: the release (last-byte synchronisation), HTTP, the asker. Knows nothing of Locust."""
