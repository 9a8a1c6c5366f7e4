"""SLO documents: what one says and refers to, and the versions of it that are kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from services.triage.domain.openslo_kind import (
    ALERT_CONDITION,
    ALERT_POLICY,
    ALERT_TARGET,
    DATA_SOURCE,
    SERVICE,
    SLI,
    SLO,
)
from services.triage.domain.openslo_tree import Path, Tree, canonical

_REFERRING = {  # field, by the kind of what it names
    "indicatorRef": SLI,
    "metricSourceRef": DATA_SOURCE,
    "alertPolicyRef": ALERT_POLICY,
    "conditionRef": ALERT_CONDITION,
    "targetRef": ALERT_TARGET,
}


class Key(NamedTuple):
    """Kind and `metadata.name`: no two documents have the same."""

    kind: str
    id: str

    @property
    def name(self) -> str:
        return f"slos/{self.id}" if self.kind == SLO else f"sloDocuments/{self.kind}.{self.id}"

    @classmethod
    def of_name(cls, name: str) -> "Key":
        collection, _, rest = name.partition("/")
        return cls(SLO, rest) if collection == "slos" else cls(*rest.split(".", 1))


@dataclass(frozen=True, slots=True)
class Reference:
    """A document named by another, at a path of that."""

    key: Key
    path: Path


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document at one version, as it was read."""

    key: Key
    tree: Tree
    revision: int  # 1 for the first, one more for each change
    author: str
    create_time: datetime
    update_time: datetime

    def says(self, tree: Tree) -> bool:
        return canonical(self.tree) == canonical(tree)


Shelf = Mapping[Key, Tree]


def key_of(tree: Tree) -> Key:
    """Returns the key of a document without problems."""
    return Key(tree["kind"], tree["metadata"]["name"])


def references(tree: Tree) -> list[Reference]:
    """Returns what a document without problems refers to, in its order."""
    found = [Reference(Key(SERVICE, tree["spec"]["service"]), ("spec", "service"))] if tree["kind"] == SLO else []
    return [*found, *_below(tree.get("spec"), ("spec",))]


def _below(tree: Tree, path: Path) -> list[Reference]:
    if isinstance(tree, list):
        return [each for index, inner in enumerate(tree) for each in _below(inner, (*path, index))]
    if not isinstance(tree, dict):
        return []
    is_source = path[-1] == "metricSource"
    found = []
    for name, inner in tree.items():
        at = (*path, name)
        if name in _REFERRING and isinstance(inner, str):
            found.append(Reference(Key(_REFERRING[name], inner), at))
        elif name not in {"metadata", "connectionDetails"} and not (is_source and name == "spec"):
            found += _below(inner, at)
    return found
