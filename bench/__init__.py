"""Measurements of the running suite, each beside a bare ceiling of the same run."""

import shared.rpc  # noqa: F401 - its settings for gRPC must come before gRPC itself
