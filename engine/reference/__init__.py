"""The reference engine: an atomic workflow engine on PostgreSQL, and its variants."""
