"""Assessing incidents: when they change, when what is known around them does, when somebody asks what if; and reading what was found."""

from collections.abc import Container, Hashable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from services.triage.domain.assessment import Assessment, Occasion
from services.triage.domain.difference import Difference, differences
from services.triage.domain.finding import Finding, Judge, Standards, find, situation_of
from services.triage.domain.gate_facts import Situation
from services.triage.domain.incident import Incident
from services.triage.domain.inputs import Surroundings
from services.triage.domain.model import ScoringModel
from services.triage.domain.recurrence import class_of
from services.triage.domain.wave import waves
from services.triage.domain.what_if import Supposition, supposed
from services.triage.storage.assessment_pages import AssessmentQuery
from services.triage.storage.assessment_store import AssessmentStore, Heard
from services.triage.storage.surroundings_store import SurroundingsStore, Versions
from services.triage.usecases.gating import Gating
from services.triage.usecases.landscape import Landscape
from services.triage.usecases.matrices import Matrices
from shared.clock import Clock
from shared.errors import Unavailable
from shared.events.outbox import Headers, trace_of
from shared.paging import Page, PageQuery
from shared.telemetry import trace_ids

_MOST_TRIES = 8
_BATCH = 100


@dataclass(frozen=True, slots=True)
class Yardsticks:
    """What incidents are judged by, always the newest versions."""

    model: ScoringModel
    matrices: Matrices
    gating: Gating

    async def standards(self, newest: Versions) -> Standards:
        return Standards(self.model, await self.matrices.newest(newest.matrix), await self.gating.in_force(newest.gates))


@dataclass(frozen=True, slots=True)
class Sources:
    """Where it is read what incidents are judged by and what is known around them."""

    surroundings: SurroundingsStore
    landscape: Landscape
    yardsticks: Yardsticks


@dataclass(frozen=True, slots=True)
class Told:
    """An incident at one version, as an event tells of it."""

    incident: Incident
    version: int
    trigger: str
    cause: Headers  # what the event leaves in those that follow from it


@dataclass(frozen=True, slots=True)
class Kept:
    """An assessment, with what it was made from."""

    assessment: Assessment
    around: Surroundings
    standards: Standards


class Assessments:
    """How bad incidents are."""

    def __init__(self, store: AssessmentStore, sources: Sources, clock: Clock) -> None:
        self._store = store
        self._sources = sources
        self._clock = clock
        # Open incidents assessed again at this version of the landscape, by this process.
        self._caught_up: tuple[int, set[str]] = (0, set())

    async def assess(self, told: Sequence[Told]) -> list[Kept | None]:
        """Assesses incidents at these versions of them; None stands for one of which a newer version was assessed already.

        For use within a transaction. A finding like the one held makes no revision and tells nobody. Raises InvalidInput for evidence
        that cannot be. What is read and written is so for many at once, which takes a third of the time; the answers are those of one
        after the other, as an incident waits for those told before it that are of its class.
        """
        return [kept for wave in waves(told, _marks) for kept in await self._assess(wave)]

    async def _assess(self, told: Sequence[Told]) -> list[Kept | None]:
        around, standards = await self._known_around([each.incident for each in told])
        now = self._clock.now()
        heard = [
            Heard(
                each.incident,
                each.version,
                partial(find, each.incident, near, standards),
                Occasion(each.trigger, trace_of(each.cause), now),
                each.cause,
            )
            for each, near in zip(told, around, strict=True)
        ]
        kept = await self._store.keep(heard)
        return [None if each is None else Kept(each, near, standards) for each, near in zip(kept, around, strict=True)]

    async def assess_again(self, components: Sequence[str], trigger: str, done: Container[str] = ()) -> list[str]:
        """Assesses the open incidents of these components anew, or all when none is named, but those that are done; returns them.

        Safe to repeat.
        """
        assessed: list[str] = []
        after = ""
        while incidents := await self._store.open_incidents(components, after, _BATCH):
            for incident in incidents:
                if incident not in done:
                    await self._assess_again(incident, trigger)
                    assessed.append(incident)
            after = incidents[-1]
        return assessed

    async def catalogue_changed(self, component: str, trigger: str) -> list[str]:
        """Assesses the open incidents anew to which a change of the component matters, its own and those of what it needs; returns them.

        For use within a transaction. Whatever is assessed sees all that changed by then, so each incident is assessed once for one state
        of the catalogue and not once for each of the thousands of components that an import may change.
        """
        landscape = self._sources.landscape
        needed = await landscape.needed_by(component)
        if self._caught_up[0] != landscape.version:
            self._caught_up = (landscape.version, set())
        done = self._caught_up[1]
        assessed = await self.assess_again([component, *needed], trigger, done)
        self._store.when_kept(lambda: done.update(assessed))
        return assessed

    async def simulate(self, asked: Supposition) -> tuple[Finding, tuple[Difference, ...]]:
        """Assesses an incident that need not exist, or one that does with any input changed, and stores nothing.

        Returns what is found, and in what it differs from how the incident that does exist is assessed now.
        """
        base = (await self._store.held(asked.incident)).incident if asked.incident else self._unheard_of()
        told = asked.over(base)
        around, standards = await self._known_around([told, base] if asked.incident else [told])
        instead = supposed(told, asked.changes, standards.model)
        found = replace(find(instead.incident, around[0], standards, instead=instead.readings), incident="")
        if not asked.incident:
            return found, ()
        present = find(base, around[1], standards)
        return found, differences(present, replace(found, incident=present.incident))

    async def get(self, name: str, revision: int) -> Assessment:
        return await self._store.get(name, revision)

    async def page(self, query: AssessmentQuery, paging: PageQuery) -> Page[Assessment]:
        return await self._store.page(query, paging)

    async def judge(self, incident: Incident) -> Judge:
        """Reads what is known around the incident; what comes back finds how bad it is without reading more."""
        (around,), standards = await self._known_around([incident])
        return partial(find, incident, around, standards)

    async def situations(self, incidents: Sequence[Incident]) -> list[Situation]:
        """Returns of each what gates are asked about, with what is known around it now."""
        around, standards = await self._known_around(incidents)
        return [situation_of(each, near, standards) for each, near in zip(incidents, around, strict=True)]

    def occasion(self, trigger: str) -> Occasion:
        return Occasion(trigger, trace_ids()[0], self._clock.now())

    async def _known_around(self, incidents: Sequence[Incident]) -> tuple[list[Surroundings], Standards]:
        """Reads what is known around each, and what all are judged by: one short question, unless the catalogue or a document changed.

        Raises InvalidInput for evidence that cannot be.
        """
        for each in incidents:
            each.evidence.check()
        known = await self._sources.surroundings.known(incidents)
        graph = await self._sources.landscape.graph(known.newest.catalogue)
        standards = await self._sources.yardsticks.standards(known.newest)
        around = [graph.surroundings(each.components) if each.components else Surroundings() for each in incidents]
        found, now = zip(around, known.budgets, known.recurrences, strict=True), self._clock.now()
        return [replace(near, budgets=budgets, recurrence=recurrence, now=now) for near, budgets, recurrence in found], standards

    def _unheard_of(self) -> Incident:
        """An incident that need not exist: opened now, and all that is supposed of it is told now."""
        now = self._clock.now()
        return Incident(now, changed_at=now)

    async def _assess_again(self, incident: str, trigger: str) -> None:
        for _ in range(_MOST_TRIES):
            held = await self._store.held(incident)
            if await self._store.revisit(held, await self.judge(held.incident), self.occasion(trigger)):
                return
        raise Unavailable(f"{incident} changes all the time; try again", reason="CONTENDED")


def _marks(told: Told) -> set[Hashable]:
    """What one incident has in common with another that it has to wait for: that it is the same, or counts in its history."""
    return {told.incident.name, class_of(told.incident)}
