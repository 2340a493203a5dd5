"""Tests of the room `engine`, on a real PostgreSQL, and over HTTP where a client would use HTTP."""
