"""Runs the command without its installed script: `python -m clients.cli`."""

from clients.cli.main import main

if __name__ == "__main__":
    main()
