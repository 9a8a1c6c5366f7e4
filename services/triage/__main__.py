"""Runs triage: `python -m services.triage`."""

import sys

from services.triage.app import NAME, build
from services.triage.settings import TriageSettings
from shared.run import run

if __name__ == "__main__":
    sys.exit(run(NAME, TriageSettings, build))
