"""A history, encoded and sorted once, and what several checks derive from it."""
