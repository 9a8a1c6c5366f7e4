"""Reads what a manifest says of its inputs: types, limits, choices and defaults, and that these fit together."""

import re
from collections.abc import Iterator

from yaml.nodes import Node

from services.playbook.domain.template import InputType, Limits, TemplateInput
from services.playbook.domain.text import HIDDEN
from services.playbook.domain.yaml_tree import TreeReader

LONGEST_TEXT = 8192  # what the contract lets a request send
MOST_ITEMS = 64
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_CHOICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9 .+-]{0,39}")
_KEYS = ("name", "type", "description", "required")
_OPTIONAL = ("default", "choices", "max_length", "max_items", "minimum", "maximum")
_FOR = {
    InputType.STRING: {"default", "max_length"},
    InputType.TEXT: {"default", "max_length"},
    InputType.NUMBER: {"default", "minimum", "maximum"},
    InputType.LIST: {"default", "max_length", "max_items"},
    InputType.CHOICE: {"default", "choices"},
    InputType.OBJECT: set(),
}


def inputs_from(reader: TreeReader, node: Node) -> Iterator[TemplateInput]:
    """Yields the inputs in the order of the manifest. Raises TemplateInvalid."""
    names: set[str] = set()
    for item in reader.items(node, "inputs"):
        declared = _input(reader, item)
        if declared.name in names:
            raise reader.fault(item, f"input {declared.name} is declared twice")
        names.add(declared.name)
        yield declared


def _input(reader: TreeReader, node: Node) -> TemplateInput:
    values = reader.mapping(node, _KEYS, _OPTIONAL)
    name = reader.matching(values["name"], "name", _NAME, "lower-case letters, digits and underscores")
    kind = _type(reader, values["type"])
    for key in _OPTIONAL:
        if key in values and key not in _FOR[kind]:
            raise reader.fault(values[key], f"an input of type {kind} has no {key}")
    required = reader.flag(values["required"], "required")
    if required and "default" in values:
        raise reader.fault(values["default"], "an input that is required has no use for a default")
    description = reader.line_of_text(values["description"], "description")
    choices = _choices(reader, values, node) if kind is InputType.CHOICE else ()
    return TemplateInput(
        name=name,
        type=kind,
        description=description,
        required=required,
        default=_default(reader, values, choices),
        limits=_limits(reader, values, kind),
        choices=choices,
    )


def _type(reader: TreeReader, node: Node) -> InputType:
    kind = reader.line_of_text(node, "type")
    if kind not in list(InputType):
        raise reader.fault(node, f"type {kind!r} must be one of " + ", ".join(InputType))
    return InputType(kind)


def _choices(reader: TreeReader, values: dict[str, Node], node: Node) -> tuple[str, ...]:
    if "choices" not in values:
        raise reader.fault(node, "an input of type choice needs choices")
    choices = reader.lines(values["choices"], "choices")
    for choice in choices:
        if not _CHOICE.fullmatch(choice):
            raise reader.fault(values["choices"], f"choice {choice!r} must be a plain word or two: a template prints it as it is")
    if not choices:
        raise reader.fault(values["choices"], "choices must name at least one")
    return choices


def _default(reader: TreeReader, values: dict[str, Node], choices: tuple[str, ...]) -> str:
    if "default" not in values:
        return ""
    default = reader.text(values["default"], "default").strip()
    if not default or HIDDEN.search(default):
        raise reader.fault(values["default"], "default must be text that can be seen")
    if choices and default not in choices:
        raise reader.fault(values["default"], f"default {default!r} must be one of " + ", ".join(choices))
    return default


def _limits(reader: TreeReader, values: dict[str, Node], kind: InputType) -> Limits:
    def number(key: str) -> float | None:
        return reader.number(values[key], key) if key in values else None

    def count(key: str, most: int) -> int | None:
        return reader.count(values[key], key, most) if key in values else None

    limits = Limits(count("max_length", LONGEST_TEXT), count("max_items", MOST_ITEMS), number("minimum"), number("maximum"))
    if limits.minimum is not None and limits.maximum is not None and limits.minimum > limits.maximum:
        raise reader.fault(values["minimum"], "minimum must not be above maximum")
    if kind is InputType.NUMBER and "default" in values:
        default = reader.number(values["default"], "default")
        if default < (limits.minimum if limits.minimum is not None else default) or default > (
            limits.maximum if limits.maximum is not None else default
        ):
            raise reader.fault(values["default"], "default must lie between minimum and maximum")
    return limits
