"""Runs the demo by itself: `python -m clients.cli.demo`."""

import typer

from clients.cli.demo.command import demo

if __name__ == "__main__":
    typer.run(demo)
