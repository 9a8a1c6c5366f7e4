"""The rules of allocation as values and functions of (value, now): no I/O, no clock, no wire."""
