"""What can go wrong with an embedded engine."""

from pathlib import Path


class EngineFailed(RuntimeError):
    """An engine did not start or stop; the message ends with the last lines of its log."""


class StateDirInUse(RuntimeError):
    """Another process that is still alive owns the state directory; `owner` is its pid, or 0 if not yet known."""

    def __init__(self, state_dir: Path, owner: int) -> None:
        super().__init__(
            f"state directory {state_dir} is in use by process {owner or 'unknown'}; stop that process, give this one another state "
            "directory (--state, or its setting state_dir), or running engines (its settings database_url and cache_url)"
        )
        self.state_dir = state_dir
        self.owner = owner
