"""The engine of units, a part of the reference engine: vouchers with a number of uses, and a queue of jobs."""
