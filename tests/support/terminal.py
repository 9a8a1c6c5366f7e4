"""What a person would see: drawn output as text."""

import io
from collections.abc import Iterable

from rich.console import RenderableType

from clients.cli.output import console


def seen(*renderables: RenderableType, width: int = 160) -> str:
    """Returns the lines drawn, without trailing blanks."""
    file = io.StringIO()
    drawn = console(file)
    drawn.width = width
    for each in renderables:
        drawn.print(each)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines())


def seen_all(renderables: Iterable[RenderableType], width: int = 160) -> str:
    return seen(*renderables, width=width)
