"""Triage on the wire: gRPC in and out, incidents heard of, and events to others."""
