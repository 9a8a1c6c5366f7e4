"""A document of a catalog-info.yaml read as an entity, each by itself: what stands wrong in one stops that one only.

The format is Backstage's: https://backstage.io/docs/features/software-catalog/descriptor-format and …/references.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

from services.triage.domain.component import Component
from services.triage.domain.entity import (
    COLLECTIONS,
    KEPT_OUT,
    ComponentDraft,
    DocumentPlace,
    DocumentReading,
    Entity,
    EntityKind,
    Group,
    Problem,
    System,
)
from services.triage.domain.entity_reader import EntityReader, is_null
from services.triage.domain.entity_ref import DEFAULT_NAMESPACE
from services.triage.domain.own_annotations import is_own, own_values
from shared.ids import name_of
from shared.yaml_documents import DocumentText
from shared.yaml_tree import Limits, Node, Scalar, YamlRefused, read_yaml

VERSIONS = ("backstage.io/v1alpha1", "backstage.io/v1beta1")
MOST_DEPENDENCIES = 100
MOST_LABELS = 64
# Definitions of APIs stand in such files whole; and other kinds nest deeper than those that are kept.
LIMITS = Limits(bytes=1024 * 1024, depth=40, remedy="keep such a definition in a file of its own")
_LONGEST_NAME = 128
_LONGEST_WORD = 63
_LONGEST_KEY = 317  # a prefix of 253, a slash and 63, as Kubernetes has it


@dataclass(slots=True)
class _Document:
    """One document while it is read."""

    reader: EntityReader
    root: Node
    metadata: Mapping[str, Node]
    spec: Mapping[str, Node]
    namespace: str
    id: str = ""

    def owner(self) -> str:
        """Returns teams/{id} of the owner; refuses a document that names none, or a person."""
        path = "spec.owner"
        if "owner" not in self.spec:
            self.reader.refuse(self.spec.get("type", self.root), path, "is missing; name the group that owns it, as group:default/shop")
            return ""
        node = self.spec["owner"]
        ref = self.reader.ref(node, path, "group", self.namespace)
        if ref is not None and ref.kind != "group":
            self.reader.refuse(node, path, f"is {ref}; only a group has a sprint to share out: name the group that owns it")
            return ""
        return self.named("teams", ref.name if ref else "", node, path)

    def link(self, field: str, kind: str, collection: str) -> str:
        """Returns the name of what an optional field refers to; empty where it says nothing."""
        node, path = self.spec.get(field), f"spec.{field}"
        if node is None:
            return ""
        ref = self.reader.ref(node, path, kind, self.namespace)
        if ref is not None and ref.kind != kind:
            self.reader.refuse(node, path, f"is {ref}; name a {kind}")
            return ""
        return self.named(collection, ref.name if ref else "", node, path)

    def named(self, collection: str, name: str, node: Node, path: str) -> str:
        found = self.reader.id(name, node, path) if name else ""
        return name_of(collection, found) if found else ""

    def word(self, field: str) -> str:
        return self.reader.text(self.spec, field, f"spec.{field}", _LONGEST_WORD)

    def title(self) -> str:
        given = self.reader.text(self.metadata, "title", "metadata.title", _LONGEST_NAME)
        return given or self.reader.text(self.metadata, "name", "metadata.name", _LONGEST_NAME)


def read_document(text: DocumentText, file: str) -> DocumentReading:
    """Reads one document. Raises nothing: what cannot be read is refused, with everything that is amiss."""
    place = DocumentPlace(file, text.number, text.first_line)
    try:
        root = read_yaml(text.text, LIMITS)
    except YamlRefused as refused:
        return DocumentReading(place, refusals=(Problem("", text.line + refused.line - 1, refused.text),))
    reader = EntityReader(text.line)
    top = reader.mapping(root or Scalar("", False, 1, 1), "")
    metadata = reader.fields(top, "metadata", "metadata")
    kind = reader.text(top, "kind", "kind", _LONGEST_WORD)
    place = replace(place, kind=kind, name=_shown_name(metadata))
    if not reader.refusals and kind and (why := _kept_out(kind)):
        return DocumentReading(place, kept_out=why)
    if root is None or not _is_entity(reader, root, top, kind):
        return DocumentReading(place, refusals=tuple(reader.refusals))
    namespace = reader.text(metadata, "namespace", "metadata.namespace", _LONGEST_WORD).lower()
    spec = reader.fields(top, "spec", "spec")
    document = _Document(reader, root, metadata, spec, "" if namespace == DEFAULT_NAMESPACE else namespace)
    entity = _entity(document, EntityKind(kind))
    return DocumentReading(place, None if reader.refusals else entity, tuple(reader.refusals), notes=tuple(reader.notes))


def _kept_out(kind: str) -> str:
    """Returns why a kind is not kept; empty for one that is, or was probably meant to be."""
    if kind in KEPT_OUT:
        return f"{kind} is a kind that says nothing of how bad an incident is"
    kept = [each.value for each in EntityKind]
    if kind in kept or get_close_matches(kind, kept, 1, 0.8) or kind.capitalize() in kept:
        return ""
    return f"{kind[:64]} is none of {', '.join(kept)}"


def _is_entity(reader: EntityReader, root: Node, top: Mapping[str, Node], kind: str) -> bool:
    kept = [each.value for each in EntityKind]
    version = reader.text(top, "apiVersion", "apiVersion", _LONGEST_WORD)
    if not kind and not reader.refusals:
        reader.refuse(root, "kind", f"is missing; write {', '.join(kept)}, and apiVersion {VERSIONS[0]}")
    elif kind and kind not in kept:
        near = get_close_matches(kind.capitalize(), kept, 1, 0)
        reader.refuse(top["kind"], "kind", f"is {kind[:64]!r}; did you mean {near[0]}?")
    elif kind and version not in VERSIONS:
        told = f"is {version[:64]!r}" if version else "is missing"
        reader.refuse(top.get("apiVersion", root), "apiVersion", f"{told}; write {' or '.join(VERSIONS)}")
    return not reader.refusals


def _entity(document: _Document, kind: EntityKind) -> Entity:
    reader, metadata = document.reader, document.metadata
    if "name" not in metadata:
        reader.refuse(document.root, "metadata.name", "is missing; every entity has a name")
    else:
        name = reader.text(metadata, "name", "metadata.name", _LONGEST_NAME)
        document.id = reader.id(name, metadata["name"], "metadata.name")
    full = name_of(COLLECTIONS[kind], document.id)
    if kind is EntityKind.COMPONENT:
        return _component(document, full)
    if kind is EntityKind.SYSTEM:
        return System(full, document.title(), document.owner(), document.link("domain", "domain", "domains"), document.namespace)
    profile = reader.fields(document.spec, "profile", "spec.profile")
    shown = reader.text(profile, "displayName", "spec.profile.displayName", _LONGEST_NAME) or document.title()
    return Group(full, shown, document.word("type"), document.link("parent", "group", "teams"), document.namespace)


def _component(document: _Document, name: str) -> ComponentDraft:
    own = own_values(document.reader, document.metadata)
    document.reader.text(document.spec, "type", "spec.type")  # not kept, and yet to be what Backstage takes
    dependencies, resources = _needs(document)
    for field in ("dependencyOf", "subcomponentOf"):
        if field in document.spec:
            document.reader.note(
                document.spec[field], f"spec.{field}", "is not read; say it by dependsOn of the component that needs the other"
            )
    component = Component(
        name,
        document.title(),
        document.owner(),
        dependencies=dependencies,
        resources=resources,
        system=document.link("system", "system", "systems"),
        lifecycle=document.word("lifecycle"),
        namespace=document.namespace,
        labels=_labels(document),
        **own,
    )
    return ComponentDraft(component, frozenset(own))


def _needs(document: _Document) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Returns the components and the resources it depends on."""
    found: dict[str, set[str]] = {"component": set(), "resource": set()}
    nodes = document.reader.items(document.spec, "dependsOn", "spec.dependsOn")
    if len(nodes) > MOST_DEPENDENCIES:
        document.reader.refuse(nodes[MOST_DEPENDENCIES], "spec.dependsOn", f"has {len(nodes)} items; {MOST_DEPENDENCIES} are allowed")
        return (), ()
    for index, node in enumerate(nodes):
        path = f"spec.dependsOn[{index}]"
        ref = None if is_null(node) else document.reader.ref(node, path, "component", document.namespace)
        if is_null(node):
            document.reader.refuse(node, path, "is empty; name what it depends on, or take the item out")
        elif ref is not None and ref.kind not in found:
            document.reader.refuse(node, path, f"is {ref}; a component depends on components and resources")
        elif ref is not None:
            found[ref.kind].add(document.named("components", ref.name, node, path) if ref.kind == "component" else str(ref))
    return tuple(sorted(found["component"] - {""})), tuple(sorted(found["resource"]))


def _labels(document: _Document) -> tuple[tuple[str, str], ...]:
    reader = document.reader
    found: dict[str, str] = {}
    # A label without a value says something too, so nothing is left out as null here. What is no mapping was refused before.
    for key, node in getattr(document.metadata.get("labels"), "entries", ()):
        if len(key.text) > _LONGEST_KEY or "\0" in key.text or not key.text:
            reader.refuse(
                key, "metadata.labels", f"has a key that is empty, longer than {_LONGEST_KEY} characters or holds a NUL character"
            )
        elif not is_own(key.text):
            found[key.text] = "" if is_null(node) else reader.scalar(node, f"metadata.labels[{key.text}]", 256)
    if len(found) > MOST_LABELS:
        reader.refuse(document.metadata["labels"], "metadata.labels", f"are {len(found)}; {MOST_LABELS} are allowed")
    return tuple(sorted(found.items()))


def _shown_name(metadata: Mapping[str, Any]) -> str:
    node = metadata.get("name")
    return node.text[:64] if isinstance(node, Scalar) else ""
