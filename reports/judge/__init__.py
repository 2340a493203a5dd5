"""A history in, a verdict out: the models, the search, the checks."""
