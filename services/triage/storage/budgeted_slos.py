"""The SLOs whose budgets are kept, by name: the one place that says where they come from.

Stands in for the store that SLOs are imported into: replace the table and `put` by it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Column, Table, Text, select
from sqlalchemy.dialects.postgresql import JSONB, insert

from services.triage.domain.slo import (
    BudgetingMethod,
    CalendarUnit,
    CalendarWindow,
    Indicator,
    MetricSource,
    Objective,
    RollingWindow,
    Slo,
    Window,
)
from services.triage.storage.tables import metadata
from shared.storage.database import Database

budgeted_slo = Table(
    "budgeted_slo",
    metadata,
    Column("name", Text(collation="C"), primary_key=True),
    Column("revision", BigInteger, nullable=False),
    Column("document", JSONB, nullable=False),
)


class BudgetedSlos:
    """SLOs by name, each read anew only when its revision moved on."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, tuple[int, Slo]] = {}

    async def all(self) -> Mapping[str, Slo]:
        """Returns every SLO. Costs one short row an SLO, and the document of those that changed."""
        async with self._database.transaction() as connection:
            revisions = {row.name: row.revision for row in await connection.execute(select(budgeted_slo.c.name, budgeted_slo.c.revision))}
            stale = [name for name, revision in revisions.items() if self._known.get(name, (0,))[0] != revision]
            if stale:
                for row in await connection.execute(select(budgeted_slo).where(budgeted_slo.c.name.in_(stale))):
                    self._known[row.name] = (row.revision, _slo(row.name, row.document))
        self._known = {name: self._known[name] for name in revisions if name in self._known}
        return {name: slo for name, (_, slo) in self._known.items()}

    async def put(self, slos: Sequence[Slo]) -> None:
        """Stores SLOs, each one revision on."""
        statement = insert(budgeted_slo)
        upsert = statement.on_conflict_do_update(
            index_elements=["name"], set_={"revision": budgeted_slo.c.revision + 1, "document": statement.excluded.document}
        )
        async with self._database.transaction() as connection:
            await connection.execute(upsert, [{"name": each.name, "revision": 1, "document": _document(each)} for each in slos])


def _slo(name: str, document: dict[str, Any]) -> Slo:
    good, bad, total = (None if each is None else MetricSource(*each) for each in document["sources"])
    return Slo(
        name=name,
        component=document["component"],
        method=BudgetingMethod[document["method"]],
        window=_window(document["window"]),
        objectives=tuple(
            Objective(target, slice_length=None if length is None else timedelta(seconds=length), slice_target=share)
            for target, length, share in document["objectives"]
        ),
        indicator=Indicator(good, bad, total, is_counter=document["is_counter"]),
    )


def _window(document: Any) -> Window:
    if isinstance(document, int | float):
        return RollingWindow(timedelta(seconds=document))
    unit, count, starts_at, time_zone = document
    return CalendarWindow(CalendarUnit[unit], count, datetime.fromisoformat(starts_at), time_zone)


def _document(slo: Slo) -> dict[str, Any]:
    window = slo.window
    sources = (slo.indicator.good, slo.indicator.bad, slo.indicator.total)
    return {
        "component": slo.component,
        "method": slo.method.name,
        "window": window.length.total_seconds()
        if isinstance(window, RollingWindow)
        else [window.unit.name, window.count, window.starts_at.isoformat(), window.time_zone],
        "objectives": [
            [each.target, None if each.slice_length is None else each.slice_length.total_seconds(), each.slice_target]
            for each in slo.objectives
        ],
        "sources": [None if each is None else [each.type, each.data_source, dict(each.connection), dict(each.spec)] for each in sources],
        "is_counter": slo.indicator.is_counter,
    }
