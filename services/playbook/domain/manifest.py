"""Reads `template.yaml`: every fault is told with file and line."""

import re
from collections.abc import Iterator
from datetime import date
from pathlib import PurePosixPath

from yaml.nodes import Node

from services.playbook.domain.applying import condition_of
from services.playbook.domain.input_declaration import inputs_from
from services.playbook.domain.template import Manifest, StackVersion, Target, TemplateFile
from services.playbook.domain.yaml_tree import TreeReader, tree_of
from shared.condition import Condition, ConditionRefused

MANIFEST = "template.yaml"
PARTIALS = "_partials"
MOST_FILES = 32
_ID = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
_SOURCE = re.compile(r"[a-z0-9][a-z0-9._-]{0,80}\.j2")
_KEYS = ("id", "version", "description", "owner", "review_by", "inputs", "files")
_OPTIONAL = ("applies", "targets", "partials", "stack")


def manifest_from(text: str, file: str) -> Manifest:
    """Returns the manifest. Raises TemplateInvalid with the line of the first fault; `file` is where `text` came from."""
    reader = TreeReader(file, "MANIFEST_INVALID")
    values = reader.mapping(tree_of(text, file), _KEYS, _OPTIONAL)
    targets = _targets(reader, values.get("targets"), tuple(Target))
    return Manifest(
        id=reader.matching(values["id"], "id", _ID, "lower-case letters, digits and hyphens, at most 63"),
        version=reader.matching(values["version"], "version", _VERSION, "a semantic version such as 1.4.0"),
        description=reader.line_of_text(values["description"], "description"),
        owner=reader.line_of_text(values["owner"], "owner"),
        review_by=_date(reader, values["review_by"]),
        inputs=tuple(inputs_from(reader, values["inputs"])),
        files=tuple(_files(reader, values["files"], targets)),
        targets=targets,
        partials=_partials(reader, values["partials"]) if "partials" in values else (),
        stack=tuple(_stack(reader, values["stack"])) if "stack" in values else (),
        applies=_applies(reader, values["applies"]) if "applies" in values else None,
    )


def _date(reader: TreeReader, node: Node) -> date:
    text = reader.line_of_text(node, "review_by")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise reader.fault(node, f"review_by {text!r} must be a date such as 2027-01-31") from None


def _applies(reader: TreeReader, node: Node) -> Condition:
    try:
        return condition_of(reader.text(node, "applies").strip())
    except ConditionRefused as refused:
        raise reader.fault(node, f"applies: {refused.text}") from None


def _targets(reader: TreeReader, node: Node | None, among: tuple[Target, ...]) -> tuple[Target, ...]:
    if node is None:
        return among
    names = reader.lines(node, "targets")
    if not names or not set(names) <= set(among):
        raise reader.fault(node, "targets must be some of " + ", ".join(among))
    return tuple(target for target in Target if target in names)


def _partials(reader: TreeReader, node: Node) -> tuple[str, ...]:
    names = reader.lines(node, "partials")
    for name in names:
        if not _SOURCE.fullmatch(name):
            raise reader.fault(node, f"partial {name!r} must be the name of a .j2 file in {PARTIALS}, without a path")
    return names


def _stack(reader: TreeReader, node: Node) -> Iterator[StackVersion]:
    for item in reader.items(node, "stack"):
        values = reader.mapping(item, ("name", "version"))
        yield StackVersion(reader.line_of_text(values["name"], "name"), reader.line_of_text(values["version"], "version"))


def _files(reader: TreeReader, node: Node, targets: tuple[Target, ...]) -> Iterator[TemplateFile]:
    taken: set[tuple[str, Target]] = set()
    for item in reader.items(node, "files"):
        values = reader.mapping(item, ("source", "path"), ("targets", "form"))
        source, path = reader.line_of_text(values["source"], "source"), reader.line_of_text(values["path"], "path")
        is_form = "form" in values and reader.flag(values["form"], "form")
        file = TemplateFile(source, path, _targets(reader, values.get("targets"), targets), is_form)
        places = {(path, target) for target in file.targets}
        if not is_bundle_path(path) or places & taken:
            raise reader.fault(values["path"], f"path {path!r} must be relative, without '..', and stand here once for each target")
        if not is_bundle_path(source) or "/" in source:
            raise reader.fault(values["source"], f"source {source!r} must be a file of this folder")
        taken |= places
        yield file
    if len(taken) > MOST_FILES * len(targets):
        raise reader.fault(node, f"files must be at most {MOST_FILES} for a target")
    empty = [target for target in targets if target not in {each for _, each in taken}]
    if empty:
        raise reader.fault(node, "files must name at least one file for each target; none is for " + ", ".join(empty))


def is_bundle_path(path: str) -> bool:
    """Whether a path stays within its bundle on every system: relative, forward slashes, plain names, never upwards."""
    parts = path.split("/")
    return (
        bool(re.fullmatch(r"[A-Za-z0-9._/-]{1,200}", path)) and not PurePosixPath(path).is_absolute() and not set(parts) & {"", ".", ".."}
    )
