"""The proxy, the scheduler, the explorer, faults: every order of statements."""
