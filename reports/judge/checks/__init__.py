"""One check, or a few alike, per file. `all_checks.py` lists them."""
