"""Tests of the room `engine`, on a real PostgreSQL and, where a person would come by HTTP, through HTTP."""
