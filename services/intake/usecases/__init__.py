"""The order of things in intake: what happens when alerts are reported and when people work on incidents."""
