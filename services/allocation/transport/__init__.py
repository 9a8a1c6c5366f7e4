"""Allocation on the wire: gRPC in and out, what triage tells, events to others, and the trace of each decision."""
