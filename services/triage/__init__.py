"""Triage says how bad incidents are: the component catalogue, the severity matrix, and assessments that anyone can check by adding up."""
