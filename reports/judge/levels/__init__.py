"""What the levels of a run planned and ran: schedules, race files, what the proxy noted."""
