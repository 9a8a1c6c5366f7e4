"""Templates: a manifest, the sources it names, and the bundle paths they render to for each target."""

import hashlib
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from shared.condition import Condition


class InputType(StrEnum):
    """`string` is one line, `text` may be many, `list` has one item a line; `choice` is one of the template's own words.

    `object` comes from events only.
    """

    STRING = "string"
    TEXT = "text"
    NUMBER = "number"
    LIST = "list"
    CHOICE = "choice"
    OBJECT = "object"


class Target(StrEnum):
    """Who reads the bundle: Claude Code with skills, agents and settings; any agent that reads AGENTS.md; a person with one page."""

    CLAUDE_CODE = "claude-code"
    AGENTS_MD = "agents-md"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a value may be: characters of it or of each item, items of a list, bounds of a number. None where nothing was said."""

    max_length: int | None = None
    max_items: int | None = None
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True, slots=True)
class TemplateInput:
    """A value a template takes; a render without a required one fails. A default stands in for what is not given."""

    name: str
    type: InputType
    description: str
    required: bool
    default: str = ""
    limits: Limits = Limits()
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TemplateFile:
    """A source file, the path in the bundle it renders to, and the targets whose bundles it stands in."""

    source: str
    path: str
    targets: tuple[Target, ...] = tuple(Target)
    is_form: bool = False  # people fill it in; other files are rendered again in place of being edited


@dataclass(frozen=True, slots=True)
class StackVersion:
    """A product that a template was written for, and its version."""

    name: str
    version: str


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
    targets: tuple[Target, ...] = tuple(Target)
    partials: tuple[str, ...] = ()
    stack: tuple[StackVersion, ...] = ()
    applies: Condition | None = None  # to every incident, when there is none

    def files_for(self, target: Target) -> tuple[TemplateFile, ...]:
        return tuple(file for file in self.files if target in file.targets)


@dataclass(frozen=True, slots=True)
class Template:
    """A template at one version, whole: the manifest and every source by name, the manifest's own text and partials included."""

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
