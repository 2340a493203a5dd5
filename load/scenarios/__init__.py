"""One scenario per file, each with the question that it answers. None of them knows Locust."""
