"""gRPC: one server builder and one client factory, the same for every service."""
