"""Runs intake: `python -m services.intake`."""

import sys

from services.intake.app import NAME, build
from services.intake.settings import IntakeSettings
from shared.run import run

if __name__ == "__main__":
    sys.exit(run(NAME, IntakeSettings, build))
