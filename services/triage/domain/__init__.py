"""The rules of triage: what a component is, how evidence becomes a score, and how a score becomes a severity."""
