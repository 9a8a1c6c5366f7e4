"""PostgreSQL and Valkey out of wheels: the production engines on one machine, without root, containers or TCP ports."""

from shared.embedded.engines import Engines, running, start
from shared.embedded.errors import EngineFailed, StateDirInUse

__all__ = ["EngineFailed", "Engines", "StateDirInUse", "running", "start"]
