"""Golden cases of a template: an incident as it may be known, and the inputs of a request, written in YAML."""

import re
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import Enum, IntEnum
from types import MappingProxyType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from yaml.nodes import MappingNode, Node, ScalarNode

from services.playbook.domain.arrival import newest_by_team
from services.playbook.domain.fact import AssessmentFact, DecisionFact, IncidentFact, IncidentFacts
from services.playbook.domain.yaml_tree import TreeReader, tree_of
from shared.money import Money

_SPAN = re.compile(r"(\d+(?:\.\d+)?) (min|h|days)")
_MONEY = re.compile(r"(-?\d+(?:\.\d+)?) ([A-Z]{3})")
_FORMS: dict[Any, str] = {
    datetime: "time such as 2026-03-02T14:00:00Z",
    timedelta: "span such as 90 min, 4 h or 2 days",
    Money: "sum such as 500 USD",
}
_UNITS = {"min": timedelta(minutes=1), "h": timedelta(hours=1), "days": timedelta(days=1)}


@dataclass(frozen=True, slots=True)
class Case:
    """One incident to render a template on, and whether the template applies to it."""

    description: str
    facts: IncidentFacts
    inputs: Mapping[str, str] = field(default_factory=dict)
    applies: bool = True


def case_from(text: str, file: str, incidents: Mapping[str, IncidentFacts] = MappingProxyType({})) -> Case:
    """Returns a case; its facts may be those of an incident that several templates are tried on, by name.

    Raises TemplateInvalid, naming file and line, for the first fault.
    """
    reader = TreeReader(file, "CASE_INVALID")
    values = reader.mapping(tree_of(text, file), ("description", "facts"), ("inputs", "applies"))
    applies = "applies" not in values or reader.flag(values["applies"], "applies")
    node = values["facts"]
    if isinstance(node, ScalarNode):
        if node.value not in incidents:
            raise reader.fault(node, f"facts {node.value!r} is no incident; there are " + (", ".join(incidents) or "none"))
        facts = incidents[node.value]
    else:
        facts = _facts(reader, node)
    return Case(reader.line_of_text(values["description"], "description"), facts, _inputs(reader, values.get("inputs")), applies)


def incident_from(text: str, file: str) -> IncidentFacts:
    """Reads an incident that several cases rest on. Raises TemplateInvalid."""
    return _facts(TreeReader(file, "CASE_INVALID"), tree_of(text, file))


def _facts(reader: TreeReader, node: Node | None) -> IncidentFacts:
    values = reader.mapping(node, ("incident",), ("intake", "assessment", "decisions"))
    name = reader.line_of_text(values["incident"], "incident")
    decisions = reader.items(values["decisions"], "decisions") if "decisions" in values else ()
    return IncidentFacts(
        name,
        _fact(reader, values.get("intake"), IncidentFact, {"name": name}),
        _fact(reader, values.get("assessment"), AssessmentFact, {"incident": name}),
        newest_by_team(_record(reader, each, DecisionFact, {"incident": name}) for each in decisions),
    )


def _inputs(reader: TreeReader, node: Node | None) -> dict[str, str]:
    if node is None:
        return {}
    if not isinstance(node, MappingNode):
        raise reader.fault(node, "inputs must be a mapping of names to texts")
    return {str(key.value): reader.text(value, str(key.value)) for key, value in node.value}


def _fact(reader: TreeReader, node: Node | None, kind: type[Any], given: Mapping[str, object]) -> Any:
    return None if node is None else _record(reader, node, kind, given)


def _record(reader: TreeReader, node: Node, kind: type[Any], given: Mapping[str, object]) -> Any:
    """Returns a dataclass of the values of a mapping; `given` need not be written."""
    hints = get_type_hints(kind)
    needed = tuple(each.name for each in fields(kind) if each.default is MISSING and each.name not in given)
    asked = tuple(name for name in needed if not _may_be_left_out(hints[name]))
    values = reader.mapping(node, asked, tuple(each.name for each in fields(kind) if each.name not in asked))
    left_out = {name: _nothing(hints[name]) for name in needed if name not in values}
    return kind(**{**left_out, **given, **{name: _value(reader, value, hints[name], name) for name, value in values.items()}})


def _may_be_left_out(hint: Any) -> bool:
    return get_origin(hint) in (tuple, Union, UnionType)


def _nothing(hint: Any) -> object:
    return () if get_origin(hint) is tuple else None


def _value(reader: TreeReader, node: Node, hint: Any, what: str) -> Any:
    if get_origin(hint) in (Union, UnionType):
        return _value(reader, node, next(each for each in get_args(hint) if each is not type(None)), what)
    if get_origin(hint) is tuple:
        return tuple(_value(reader, item, get_args(hint)[0], what) for item in reader.items(node, what))
    if is_dataclass(hint) and hint is not Money:
        return _record(reader, node, hint, {})  # type: ignore[arg-type]
    if hint is str and isinstance(node, ScalarNode):
        return node.value  # as it is: titles of cases may be hostile
    try:
        return _scalar(reader.line_of_text(node, what), hint)
    except (ValueError, KeyError, InvalidOperation):
        raise reader.fault(node, f"{what} {reader.line_of_text(node, what)!r} is no {_name_of(hint)}") from None


def _scalar(text: str, hint: Any) -> Any:
    if hint is bool:
        return {"true": True, "false": False}[text]
    if hint is datetime:
        return datetime.fromisoformat(text).astimezone(UTC)
    if hint is timedelta:
        found = _SPAN.fullmatch(text)
        return float(found[1]) * _UNITS[found[2]] if found else _refuse()
    if hint is Money:
        money = _MONEY.fullmatch(text)
        return Money(Decimal(money[1]), money[2]) if money else _refuse()
    if isinstance(hint, type) and issubclass(hint, IntEnum):
        return hint[text]
    return hint(text)


def _refuse() -> Any:
    raise ValueError


def _name_of(hint: Any) -> str:
    if isinstance(hint, type) and issubclass(hint, Enum):
        return "one of " + ", ".join(each.name if isinstance(each, IntEnum) else str(each.value) for each in hint)
    return _FORMS.get(hint, getattr(hint, "__name__", "value"))
