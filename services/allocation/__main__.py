"""Runs allocation: `python -m services.allocation`."""

import sys

from services.allocation.app import NAME, build
from services.allocation.settings import AllocationSettings
from shared.run import run

if __name__ == "__main__":
    sys.exit(run(NAME, AllocationSettings, build))
