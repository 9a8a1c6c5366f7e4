"""Allocation's tables and its cache of splits: the only code that knows SQL."""
