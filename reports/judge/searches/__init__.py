"""The exact searches: is there an order that explains the answers? One workflow at a time; pure."""
