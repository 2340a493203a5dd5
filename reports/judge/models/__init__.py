"""What is right, as pure step functions: one specification a file."""
