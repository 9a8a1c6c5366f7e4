"""Measurements of the running suite, each beside a bare ceiling of the same run."""
