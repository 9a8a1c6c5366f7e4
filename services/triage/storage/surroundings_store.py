"""What is known around incidents beside the catalogue, and the newest versions of what they are judged by: one question for all of it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from services.triage.domain.budget_snapshot import BudgetSnapshot
from services.triage.domain.incident import Incident
from services.triage.domain.recurrence import Recurrence, SimilarIncident, class_of, recurrence
from services.triage.domain.severity import Severity
from services.triage.storage.budget_state_store import snapshot_of
from shared.storage.database import Database

_MOST_SIMILAR = 1_000
# Of all that an assessment waits for, asking took the most: one question outside a transaction takes a third of the time of three
# within one, and an assessment of many incidents asks no oftener.
_KNOWN = f"""
    select
        (select version from catalogue_version) as catalogue,
        (select max(revision) from severity_matrix) as matrix,
        (select max(revision) from gating_rules) as gates,
        array(
            select row(slo.component, state.slo, state.objective, state.told::text)
            from budget_state state join slo on slo.name = state.slo
            where slo.component = any($1) order by state.slo, state.objective
        ) as budgets,
        array(
            select row(asked.place, before.incident, before.title, before.severity, before.opened_at, before.resolved_at)
            from unnest($2::integer[], $3::text[], $4::timestamptz[], $5::text[]) as asked(place, class, opened_at, incident)
            cross join lateral (
                select * from assessment a
                where a.class = asked.class and a.opened_at < asked.opened_at and a.incident <> asked.incident and not a.merged
                order by a.opened_at desc limit {_MOST_SIMILAR}
            ) before
        ) as similar
"""  # noqa: S608 - a number of this module


@dataclass(frozen=True, slots=True)
class Versions:
    """The newest version of each; None for one of which there is none yet."""

    catalogue: int
    matrix: int | None
    gates: int | None


@dataclass(frozen=True, slots=True)
class Known:
    """What is known now, of each incident in the order asked for."""

    newest: Versions
    budgets: Sequence[
        tuple[BudgetSnapshot, ...]
    ]  # of its components, as last told, by SLO and objective; those never told of spend nothing
    recurrences: Sequence[Recurrence]  # incidents of its class opened before it; those merged into others do not count


class SurroundingsStore:
    """What is known around incidents."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def known(self, incidents: Sequence[Incident]) -> Known:
        """Returns what is known at one moment."""
        components = [{f"components/{each}" for each in incident.components} for incident in incidents]
        (row,) = await self._database.ask(
            _KNOWN,
            sorted(set().union(*components)),
            list(range(len(incidents))),
            [class_of(each) for each in incidents],
            [each.opened_at for each in incidents],
            [each.name for each in incidents],
        )
        told = [(component, snapshot_of(slo, objective, json.loads(text))) for component, slo, objective, text in row["budgets"]]
        before: list[list[SimilarIncident]] = [[] for _ in incidents]
        for place, incident, title, severity, *times in row["similar"]:
            before[place].append(SimilarIncident(incident, title, Severity(severity), *times))
        return Known(
            Versions(row["catalogue"], row["matrix"], row["gates"]),
            [tuple(snapshot for component, snapshot in told if component in names) for names in components],
            [recurrence(each.opened_at, similar) for each, similar in zip(incidents, before, strict=True)],
        )
