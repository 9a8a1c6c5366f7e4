"""Endurance: intake under load while everything below it breaks; nothing acknowledged may be lost, and nothing doubled."""

import shared.rpc  # noqa: F401 - its settings for gRPC must come before gRPC itself
