"""Reads `template.yaml`: every fault is told with file and line."""

import re
from collections.abc import Iterator
from datetime import date
from pathlib import PurePosixPath

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from services.playbook.domain.errors import TemplateInvalid
from services.playbook.domain.template import InputType, Manifest, TemplateFile, TemplateInput

MANIFEST = "template.yaml"
_ID = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
_INPUT = re.compile(r"[a-z][a-z0-9_]{0,62}")
_KEYS = ("id", "version", "description", "owner", "review_by", "inputs", "files")


class _Reader:
    """Walks the YAML of one manifest and knows the line of every node."""

    def __init__(self, file: str) -> None:
        self._file = file

    def fault(self, node: Node | None, message: str) -> TemplateInvalid:
        return TemplateInvalid(self._file, node.start_mark.line + 1 if node else 1, message)

    def root(self, text: str) -> MappingNode:
        try:
            node = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise TemplateInvalid(self._file, line, f"is not YAML: {error.problem}") from None
        if not isinstance(node, MappingNode):
            raise self.fault(node, "must be a mapping with the keys " + ", ".join(_KEYS))
        return node

    def mapping(self, node: Node, keys: tuple[str, ...]) -> dict[str, Node]:
        """Returns the values by key. Each key must be there once, and no other."""
        if not isinstance(node, MappingNode):
            raise self.fault(node, "must be a mapping with the keys " + ", ".join(keys))
        found: dict[str, Node] = {}
        for key, value in node.value:
            if key.value not in keys or key.value in found:
                raise self.fault(key, f"{key.value!r} is unknown or stands here twice; the keys are " + ", ".join(keys))
            found[key.value] = value
        missing = [key for key in keys if key not in found]
        if missing:
            raise self.fault(node, "lacks " + ", ".join(missing))
        return found

    def items(self, node: Node, what: str) -> Iterator[Node]:
        if not isinstance(node, SequenceNode):
            raise self.fault(node, f"{what} must be a list")
        yield from node.value

    def line_of_text(self, node: Node, what: str) -> str:
        if not isinstance(node, ScalarNode) or not node.value.strip() or "\n" in node.value:
            raise self.fault(node, f"{what} must be one line of text")
        return str(node.value).strip()

    def matching(self, node: Node, what: str, pattern: re.Pattern[str], remedy: str) -> str:
        text = self.line_of_text(node, what)
        if not pattern.fullmatch(text):
            raise self.fault(node, f"{what} {text!r} must be {remedy}")
        return text


def manifest_from(text: str, file: str) -> Manifest:
    """Returns the manifest. Raises TemplateInvalid with the line of the first fault; `file` is where `text` came from."""
    reader = _Reader(file)
    values = reader.mapping(reader.root(text), _KEYS)
    return Manifest(
        id=reader.matching(values["id"], "id", _ID, "lower-case letters, digits and hyphens, at most 63"),
        version=reader.matching(values["version"], "version", _VERSION, "a semantic version such as 1.4.0"),
        description=reader.line_of_text(values["description"], "description"),
        owner=reader.line_of_text(values["owner"], "owner"),
        review_by=_date(reader, values["review_by"]),
        inputs=tuple(_inputs(reader, values["inputs"])),
        files=tuple(_files(reader, values["files"])),
    )


def _date(reader: _Reader, node: Node) -> date:
    text = reader.line_of_text(node, "review_by")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise reader.fault(node, f"review_by {text!r} must be a date such as 2027-01-31") from None


def _inputs(reader: _Reader, node: Node) -> Iterator[TemplateInput]:
    names: set[str] = set()
    for item in reader.items(node, "inputs"):
        values = reader.mapping(item, ("name", "type", "description", "required"))
        name = reader.matching(values["name"], "name", _INPUT, "lower-case letters, digits and underscores")
        kind = reader.line_of_text(values["type"], "type")
        required = reader.line_of_text(values["required"], "required")
        if name in names:
            raise reader.fault(values["name"], f"input {name} is declared twice")
        if kind not in list(InputType):
            raise reader.fault(values["type"], f"type {kind!r} must be one of " + ", ".join(InputType))
        if required not in ("true", "false"):
            raise reader.fault(values["required"], f"required {required!r} must be true or false")
        names.add(name)
        yield TemplateInput(name, InputType(kind), reader.line_of_text(values["description"], "description"), required == "true")


def _files(reader: _Reader, node: Node) -> Iterator[TemplateFile]:
    paths: set[str] = set()
    for item in reader.items(node, "files"):
        values = reader.mapping(item, ("source", "path"))
        source, path = reader.line_of_text(values["source"], "source"), reader.line_of_text(values["path"], "path")
        if not is_bundle_path(path) or path in paths:
            raise reader.fault(values["path"], f"path {path!r} must be relative, without '..', and stand here once")
        if not is_bundle_path(source) or "/" in source:
            raise reader.fault(values["source"], f"source {source!r} must be a file of this folder")
        paths.add(path)
        yield TemplateFile(source, path)
    if not paths:
        raise reader.fault(node, "files must name at least one file")


def is_bundle_path(path: str) -> bool:
    """Whether a path stays within its bundle on every system: relative, forward slashes, plain names, never upwards."""
    parts = path.split("/")
    return (
        bool(re.fullmatch(r"[A-Za-z0-9._/-]{1,200}", path)) and not PurePosixPath(path).is_absolute() and not set(parts) & {"", ".", ".."}
    )
