"""An import of catalogue files: documents gathered entity by entity, and what became of each."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from services.triage.domain.component import Component
from services.triage.domain.dependency_cycle import Circle
from services.triage.domain.entity import ComponentDraft, DocumentPlace, DocumentReading, Entity, Group, Problem, System

MOST_TOLD = 1000  # documents told of in each list; counts are of all


@dataclass(slots=True)
class Gathered:
    """The documents read so far. An entity told twice in one import is refused the second time: which one was meant, nobody knows."""

    components: dict[str, ComponentDraft] = field(default_factory=dict)
    systems: dict[str, System] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    places: dict[str, DocumentPlace] = field(default_factory=dict)
    refused: list[DocumentReading] = field(default_factory=list)
    kept_out: list[DocumentReading] = field(default_factory=list)
    noted: list[DocumentReading] = field(default_factory=list)
    document_count: int = 0

    def add(self, readings: Iterable[DocumentReading]) -> None:
        for reading in readings:
            self.document_count += 1
            if reading.kept_out:
                self.kept_out.append(reading)
            elif reading.entity is None:
                self.refused.append(reading)
            elif first := self.places.get(reading.entity.name):
                self.refuse(reading, f"is told twice in this import, first in document {first.number}{_in(first)} on line {first.line}")
            else:
                self._keep(reading, reading.entity)

    def refuse_clashes(self, held: Iterable[Entity | Component]) -> None:
        """Refuses what is held already from another namespace: ids here know none, and one would silently take the other's place."""
        for each in held:
            told = self._take(each)
            if told is not None and told.namespace != each.namespace:
                there, here = each.namespace or "default", told.namespace or "default"
                rule = f"is held from namespace {there}, and this is of {here}; ids here know no namespace: rename one of them"
                self.refuse(DocumentReading(self.places[each.name]), rule)
                self._drop(each.name)

    def refuse(self, reading: DocumentReading, rule: str) -> None:
        problem = Problem("metadata.name", reading.place.line, rule)
        self.refused.append(replace(reading, entity=None, refusals=(problem,)))

    def _keep(self, reading: DocumentReading, entity: Entity) -> None:
        self.places[entity.name] = reading.place
        if isinstance(entity, ComponentDraft):
            self.components[entity.name] = entity
        elif isinstance(entity, System):
            self.systems[entity.name] = entity
        else:
            self.groups[entity.name] = entity
        if reading.notes:
            self.noted.append(reading)

    def _take(self, held: Entity | Component) -> Entity | None:
        return self.components.get(held.name) or self.systems.get(held.name) or self.groups.get(held.name)

    def _drop(self, name: str) -> None:
        self.components.pop(name, None)
        self.systems.pop(name, None)
        self.groups.pop(name, None)


@dataclass(frozen=True, slots=True)
class Stored:
    """How many entities an import made, changed, and found as they were."""

    created_count: int = 0
    changed_count: int = 0
    unchanged_count: int = 0

    def __add__(self, other: "Stored") -> "Stored":
        return Stored(
            self.created_count + other.created_count,
            self.changed_count + other.changed_count,
            self.unchanged_count + other.unchanged_count,
        )


@dataclass(frozen=True, slots=True)
class ImportSummary:
    """How an import ended."""

    gathered: Gathered
    components: Stored
    systems: Stored
    groups: Stored
    circles: tuple[Circle, ...]  # of the whole catalogue after it
    missing: tuple[str, ...]  # components that others need and nobody described


@dataclass(frozen=True, slots=True)
class ImportProgress:
    """How far an import is."""

    done_count: int
    document_count: int
    refused_count: int
    is_storing: bool = False  # all documents are read


def _in(place: DocumentPlace) -> str:
    return f" of {place.file}" if place.file else ""
