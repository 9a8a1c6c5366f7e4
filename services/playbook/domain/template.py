"""Templates: a manifest, the sources it names, and the bundle paths they render to."""

import hashlib
from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class InputType(StrEnum):
    """`string` is one line, `text` may be many, `list` has one item a line; `object` comes from events only."""

    STRING = "string"
    TEXT = "text"
    NUMBER = "number"
    LIST = "list"
    OBJECT = "object"


@dataclass(frozen=True, slots=True)
class TemplateInput:
    """A value a template takes; a render without a required one fails."""

    name: str
    type: InputType
    description: str
    required: bool


@dataclass(frozen=True, slots=True)
class TemplateFile:
    """A source file and the path in the bundle it renders to."""

    source: str
    path: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What `template.yaml` says."""

    id: str
    version: str
    description: str
    owner: str
    review_by: date
    inputs: tuple[TemplateInput, ...]
    files: tuple[TemplateFile, ...]


@dataclass(frozen=True, slots=True)
class Template:
    """A template at one version, whole: the manifest and every source by file name, the manifest's own text included."""

    manifest: Manifest
    sources: dict[str, str]
    folder: str  # for messages: where a person finds the files
    content_hash: str

    @property
    def name(self) -> str:
        return f"templates/{self.manifest.id}"

    def file(self, source: str) -> str:
        """Returns where a source stands, for messages."""
        return f"{self.folder}/{source}"


def content_hash_of(contents: dict[str, str]) -> str:
    """Returns SHA-256, hex, over names and texts in the order of names; lengths keep one from running into the next."""
    digest = hashlib.sha256()
    for name in sorted(contents):
        for part in (name.encode(), contents[name].encode()):
            digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()
