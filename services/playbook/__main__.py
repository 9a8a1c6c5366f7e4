"""Runs playbook: `python -m services.playbook`."""

import sys

from services.playbook.app import NAME, build
from services.playbook.settings import PlaybookSettings
from shared.run import run

if __name__ == "__main__":
    sys.exit(run(NAME, PlaybookSettings, build))
