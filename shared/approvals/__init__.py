"""Asking that others agree: for exactly one change, whether that holds now, and taking it back."""
