"""Hypothesis asks: sequential, parallel, and every interleaving."""
