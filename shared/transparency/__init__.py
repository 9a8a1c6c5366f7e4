"""Logs that can be checked: Merkle trees as RFC 6962 has them, signed notes and checkpoints as C2SP writes them."""
