"""Bundles: the files rendered for one incident, with where they came from."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from services.playbook.domain.arrival import Trigger
from services.playbook.domain.provenance import Provenance, bundle_hash_of


@dataclass(frozen=True, slots=True)
class BundleFile:
    """One file; `path` is relative, with forward slashes."""

    path: str
    content: str

    @property
    def content_hash(self) -> str:
        return hashlib.sha256(self.content.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Rendering:
    """What a template gave for some facts, linted and stamped, before it is stored under a name."""

    provenance: Provenance
    files: tuple[BundleFile, ...]

    @property
    def content_hash(self) -> str:
        return bundle_hash_of({file.path: file.content for file in self.files})


@dataclass(frozen=True, slots=True)
class Bundle:
    """The files and their provenance. `name` is empty for one that was not stored, `files` is empty in lists."""

    name: str
    provenance: Provenance
    content_hash: str
    trigger: Trigger
    trace_id: str
    created_at: datetime
    files: tuple[BundleFile, ...]
    supersedes: str = ""


def bundle_of(name: str, rendering: Rendering, trigger: Trigger, trace_id: str, now: datetime) -> Bundle:
    """Returns the bundle a rendering becomes; outside of any trace it keeps that of the facts it rests on."""
    provenance = rendering.provenance
    return Bundle(name, provenance, rendering.content_hash, trigger, trace_id or provenance.trace_id, now, rendering.files)
