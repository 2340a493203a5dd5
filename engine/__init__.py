"""The judged: the reference engine, the engines broken on purpose, and the way to reach anyone else's."""
