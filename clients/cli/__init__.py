"""The `ballast` command: what people and scripts ask of a running suite, over gRPC only."""
