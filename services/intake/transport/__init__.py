"""Intake on the wire: gRPC in and out, and events to others."""
