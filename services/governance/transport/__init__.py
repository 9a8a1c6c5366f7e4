"""Governance on the wire: gRPC in and out, and the events of every service in."""
