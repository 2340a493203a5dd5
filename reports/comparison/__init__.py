"""A run against its baseline: blocks, changes, trends."""
