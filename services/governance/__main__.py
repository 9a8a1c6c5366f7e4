"""Runs governance: `python -m services.governance`."""

import sys

from services.governance.app import NAME, build
from services.governance.settings import GovernanceSettings
from shared.run import run

if __name__ == "__main__":
    sys.exit(run(NAME, GovernanceSettings, build))
