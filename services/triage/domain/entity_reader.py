"""Reading the values of an entity's document: what is wrong with one is noted with its line, and the rest is read on."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from services.triage.domain.entity import Problem
from services.triage.domain.entity_ref import EntityRef, RefRefused, id_of_name, ref_of
from shared.yaml_tree import Fields, Items, Node, Scalar

LONGEST_TEXT = 4096
MOST_PROBLEMS = 20  # of one document: who mends those sees the rest
_NULLS = {"", "~", "null", "Null", "NULL"}


@dataclass(slots=True)
class EntityReader:
    """Reads one document whose first line is `line` of its file; gathers what is amiss and what is worth knowing."""

    line: int
    refusals: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)

    def refuse(self, node: Node, path: str, text: str) -> None:
        if len(self.refusals) < MOST_PROBLEMS:
            self.refusals.append(Problem(path, self.line + node.line - 1, text))

    def note(self, node: Node, path: str, text: str) -> None:
        if len(self.notes) < MOST_PROBLEMS:
            self.notes.append(Problem(path, self.line + node.line - 1, text))

    def fields(self, parent: Mapping[str, Node], name: str, path: str) -> dict[str, Node]:
        """Returns the fields below a mapping's field that say something; none where it is absent."""
        node = parent.get(name)
        return {} if node is None else self.mapping(node, path)

    def mapping(self, node: Node, path: str) -> dict[str, Node]:
        if isinstance(node, Fields):
            return {key.text: value for key, value in node.entries if not is_null(value)}
        self.refuse(node, path, "must be a mapping of names to values")
        return {}

    def text(self, fields: Mapping[str, Node], name: str, path: str, longest: int = LONGEST_TEXT) -> str:
        """Returns a field's text; empty where it is absent or refused."""
        node = fields.get(name)
        return "" if node is None else self.scalar(node, path, longest)

    def scalar(self, node: Node, path: str, longest: int = LONGEST_TEXT) -> str:
        if not isinstance(node, Scalar):
            self.refuse(node, path, "must be a text")
        elif len(node.text) > longest:
            self.refuse(node, path, f"is longer than {longest} characters; shorten it")
        elif "\0" in node.text:
            self.refuse(node, path, "holds a NUL character, which no store keeps; take it out")
        else:
            return node.text.strip()
        return ""

    def items(self, fields: Mapping[str, Node], name: str, path: str) -> tuple[Node, ...]:
        node = fields.get(name)
        if node is None:
            return ()
        if not isinstance(node, Items):
            self.refuse(node, path, "must be a list; begin each item with a dash, or write [a, b]")
            return ()
        return node.nodes

    def ref(self, node: Node, path: str, kind: str, namespace: str) -> EntityRef | None:
        """Reads a reference, as one text or as kind, namespace and name."""
        told = len(self.refusals)
        if isinstance(node, Fields):
            parts = self.mapping(node, path)
            given = {part: self.text(parts, part, f"{path}.{part}") for part in ("kind", "namespace", "name")}
            text = f"{given['kind'] or kind}:{given['namespace'] or namespace}/{given['name']}"
        else:
            text = self.scalar(node, path)
        if len(self.refusals) > told:
            return None  # what is no text is no reference either: once is enough
        try:
            return ref_of(text, kind, namespace)
        except RefRefused as refused:
            self.refuse(node, path, str(refused))
            return None

    def id(self, name: str, node: Node, path: str) -> str:
        """Returns the id of a name; empty for one that has none here."""
        try:
            return id_of_name(name)
        except RefRefused as refused:
            self.refuse(node, path, str(refused))
            return ""


def is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and not node.quoted and node.text in _NULLS
