"""One check per file, by its id. `all_checks.py` lists them."""
