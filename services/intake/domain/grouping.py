"""Grouping: which alerts people handle as one incident."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson


@dataclass(frozen=True, slots=True)
class Grouping:
    """How alerts are grouped: by the values of these labels; and which label names the component."""

    group_by: tuple[str, ...] = ("component",)
    component_label: str = "component"


@dataclass(frozen=True, slots=True)
class Group:
    """The group an alert falls into: its key, and the labels and values that make it."""

    key: str
    labels: tuple[tuple[str, str], ...]


def group_of(labels: Mapping[str, str], fingerprint: str, grouping: Grouping) -> Group:
    """Returns the alert's group. An alert with none of the labels is its own group: lumping strangers together hides them."""
    found = tuple((name, labels[name]) for name in grouping.group_by if labels.get(name))
    return Group(orjson.dumps(found).decode() if found else f"alert:{fingerprint}", found)


def components_of(labels: Sequence[Mapping[str, str]], grouping: Grouping) -> tuple[str, ...]:
    """Returns the ids of the components that alerts name, sorted."""
    return tuple(sorted({each[grouping.component_label] for each in labels if each.get(grouping.component_label)}))
