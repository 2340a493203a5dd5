"""Plans of branches that run side by side, judged at once, shrunk."""
