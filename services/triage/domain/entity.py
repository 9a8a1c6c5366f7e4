"""Entities of Backstage as triage keeps them: what a catalog-info.yaml says of components, systems and groups."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from services.triage.domain.component import Component


class EntityKind(Enum):
    """The kinds that are kept; the value is Backstage's own word."""

    COMPONENT = "Component"
    SYSTEM = "System"
    GROUP = "Group"


COLLECTIONS: Mapping[EntityKind, str] = {EntityKind.COMPONENT: "components", EntityKind.SYSTEM: "systems", EntityKind.GROUP: "teams"}

# Backstage's other kinds: known, and of no use in judging an incident.
KEPT_OUT = ("API", "Domain", "Location", "Resource", "Template", "User")

# What only `ballast.dev/` says. A document that says nothing of one leaves what is held, which somebody may have told by RPC.
OWN_FIELDS = ("tier", "revenue_per_minute", "users", "business_hours", "severity_floors")


@dataclass(frozen=True, slots=True)
class System:
    """Components that together do one thing for somebody."""

    name: str  # systems/{id}
    display_name: str = ""
    owner_team: str = ""
    domain: str = ""  # Backstage's domain, as its id
    namespace: str = ""  # empty for the default one


@dataclass(frozen=True, slots=True)
class Group:
    """A team or a part of the organisation that can own things."""

    name: str  # teams/{id}
    display_name: str = ""
    type: str = ""  # such as team or department; the organisation's own word
    parent: str = ""  # teams/{id}; empty for one at the top
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class ComponentDraft:
    """What a document says of a component: `said` names those of OWN_FIELDS it speaks of, be it to say that they are unknown."""

    component: Component
    said: frozenset[str] = field(default_factory=frozenset)

    @property
    def name(self) -> str:
        return self.component.name

    @property
    def namespace(self) -> str:
        return self.component.namespace

    def over(self, held: Component | None) -> Component:
        """Returns the component as it is to be stored over what is held of it."""
        if held is None:
            return self.component
        return replace(self.component, **{name: getattr(held, name) for name in OWN_FIELDS if name not in self.said})


Entity = ComponentDraft | System | Group


@dataclass(frozen=True, slots=True)
class Problem:
    """What is amiss, or worth knowing, at one place of a document."""

    field: str  # dotted path; empty for the document as a whole
    line: int  # of the file, from 1
    text: str


@dataclass(frozen=True, slots=True)
class DocumentPlace:
    """Where a document stands, and what it says it is; kind and name as far as they could be read."""

    file: str
    number: int  # in its file, from 1
    line: int
    kind: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class DocumentReading:
    """What was found in one document: an entity unless it is refused or kept out, and then why."""

    place: DocumentPlace
    entity: Entity | None = None
    refusals: tuple[Problem, ...] = ()
    kept_out: str = ""  # why, for a kind that is not kept
    notes: tuple[Problem, ...] = ()
