"""Importing roadmap items from files: reading row by row, then landing all that is good."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from services.allocation.domain.roadmap import RoadmapItem
from services.allocation.domain.roadmap_import import Defaults, ImportedRow, RoadmapFormat, Row, read_row, rows_of
from services.allocation.storage.roadmap_store import RoadmapStore
from shared.clock import Clock
from shared.paging import Page, PageQuery

_AT_ONCE = 500  # rows read in one go: some 20 ms


class RowOutcome(IntEnum):
    """What became of a row that made an item; the numbers are the contract's."""

    CREATED = 1
    CHANGED = 2
    UNCHANGED = 3


@dataclass(frozen=True, slots=True)
class LandedRow:
    """A row that made an item, and what became of that."""

    line: int
    name: str
    outcome: RowOutcome


@dataclass(frozen=True, slots=True)
class ImportSummary:
    """How an import ended, row by row; each list in the order of the file."""

    landed: tuple[LandedRow, ...]
    refused: tuple[ImportedRow, ...]

    def count(self, outcome: RowOutcome) -> int:
        return sum(each.outcome is outcome for each in self.landed)


class RoadmapImports:
    """Imports of files, and the versions that items had."""

    def __init__(self, store: RoadmapStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def run(
        self, file: tuple[bytes, RoadmapFormat], defaults: Defaults, tell: Callable[[int, int], None], *, validate_only: bool
    ) -> ImportSummary:
        """Lands every good item, and says why the others are refused. Raises TeamNotFound or ImportUnreadable."""
        content, form = file
        await self._store.team_exists(defaults.team)
        rows = await asyncio.to_thread(rows_of, content, form)
        read: list[ImportedRow] = []
        for begin in range(0, len(rows), _AT_ONCE):
            part = rows[begin : begin + _AT_ONCE]
            read += await asyncio.to_thread(_read, part, form, defaults)
            tell(len(read), len(rows))
        read = _once_each(read)
        items = [row.item for row in read if row.item]
        stored, errors, held = await self._store.import_items(items, self._clock.now(), validate_only=validate_only)
        refused = tuple(
            row if row.error else ImportedRow(row.line, row.name, None, errors[row.name]) for row in read if row.error or row.name in errors
        )
        outcomes = {item.name: _outcome(item, held.get(item.name)) for item in stored}
        landed = tuple(LandedRow(row.line, row.name, outcomes[row.name]) for row in read if row.item and row.name in outcomes)
        return ImportSummary(landed, refused)

    async def revisions(self, name: str, paging: PageQuery) -> Page[tuple[RoadmapItem, str]]:
        """Raises RoadmapItemNotFound."""
        return await self._store.revisions(name, paging)


def _read(rows: Sequence[Row], form: RoadmapFormat, defaults: Defaults) -> list[ImportedRow]:
    return [read_row(row, form, defaults) for row in rows]


def _once_each(rows: list[ImportedRow]) -> list[ImportedRow]:
    """Refuses rows that name an item again: which of them is meant nobody can tell, so the first stays."""
    first: dict[str, int] = {}
    told = []
    for row in rows:
        if row.item and row.name in first:
            row = ImportedRow(row.line, row.name, None, f"repeats {row.name} of line {first[row.name]}; name each item once")  # noqa: PLW2901
        elif row.item:
            first[row.name] = row.line
        told.append(row)
    return told


def _outcome(stored: RoadmapItem, held: RoadmapItem | None) -> RowOutcome:
    if held is None:
        return RowOutcome.CREATED
    return RowOutcome.UNCHANGED if stored == held else RowOutcome.CHANGED
