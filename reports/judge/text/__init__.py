"""What was found, in words. Decides nothing."""
