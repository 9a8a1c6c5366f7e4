"""The report of a run: sections that print as tables and are kept as JSON."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, is_dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.table import Table


@dataclass(frozen=True, slots=True)
class Section:
    """What one scenario found: a table for people, and the same as `data` for programs."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    data: Mapping[str, Any]
    notes: Sequence[str] = field(default=())

    def table(self) -> Table:
        """Returns the table; the first column names, the others are figures."""
        table = Table(title=self.title, title_justify="left", caption="\n".join(self.notes) or None, caption_justify="left")
        for index, column in enumerate(self.columns):
            table.add_column(column, justify="left" if index == 0 else "right")
        for row in self.rows:
            table.add_row(*row)
        return table


def write_report(path: Path, sections: Mapping[str, Section], at: datetime) -> None:
    """Writes all sections to `path`, whole or not at all."""
    machine = {"cores": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()}
    found = {
        name: {"title": section.title, "figures": section.data, "table": [section.columns, *section.rows], "notes": section.notes}
        for name, section in sections.items()
    }
    text = json.dumps({"measured_at": at.isoformat(), "machine": machine, "scenarios": found}, default=_plain, indent=2)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text(text + "\n")
    fresh.replace(path)


def _plain(value: object) -> object:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    raise TypeError(f"{type(value).__name__} has no place in a report")
