"""What an import makes of each document, given what is held: new, changed, the same, or refused; and which other SLOs it moves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import IntEnum

from services.triage.domain.openslo_kind import SERVICE, SLO, threshold_problems
from services.triage.domain.openslo_rule import Remark
from services.triage.domain.openslo_tree import Tree
from services.triage.domain.slo import StoredSlo
from services.triage.domain.slo_bundle import Placed, ReadDocument
from services.triage.domain.slo_document import Key, Shelf, StoredDocument
from services.triage.domain.slo_resolution import indicator_tree, slo_of


class ImportOutcome(IntEnum):
    """What became of a document; the numbers are those of ballast.triage.v1.SloImportOutcome."""

    NEW = 1
    CHANGED = 2
    SAME = 3
    REFUSED = 4


@dataclass(frozen=True, slots=True)
class KeptSlo:
    """An SLO with the document it came from."""

    stored: StoredSlo
    tree: Tree

    @property
    def document(self) -> StoredDocument:
        stored = self.stored
        key = Key.of_name(stored.slo.name)
        return StoredDocument(key, self.tree, stored.revision, stored.author, stored.create_time, stored.update_time)


@dataclass(frozen=True, slots=True)
class Held:
    """What is held and concerns an import: documents and SLOs of the same names, what is referred to, and what refers to it."""

    documents: Mapping[Key, StoredDocument]  # of the kinds other than SLO
    slos: Mapping[Key, KeptSlo]
    last_revisions: Mapping[Key, int]  # of SLOs that were deleted


@dataclass(frozen=True, slots=True)
class Occasion:
    """Who changes something, and when."""

    author: str
    now: datetime


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of one document."""

    read: ReadDocument
    outcome: ImportOutcome
    revision: int = 0
    missing: tuple[Placed, ...] = ()


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """What became of every document, and what is to be stored for it."""

    documents: tuple[Imported, ...]
    changed_documents: tuple[StoredDocument, ...]
    changed_slos: tuple[KeptSlo, ...]
    resolved: tuple[str, ...]  # names of changed SLOs whose own documents are not among those imported


def plan_import(read: Sequence[ReadDocument], held: Held, occasion: Occasion) -> ImportPlan:
    """Judges the documents together with what is held. The same inputs give the same plan; nothing changes for what is the same."""
    shelf = {key: each.tree for key, each in held.documents.items()}
    shelf |= {each.key: each.tree for each in read if not each.problems and each.kind != SLO}
    judged = [_judged_with(each, shelf) for each in read]
    documents = {each.key: _document(each, held, occasion) for each in judged if not each.problems and each.kind != SLO}
    slos = {each.key: _slo(each.key, each.tree, shelf, held, occasion) for each in judged if not each.problems and each.kind == SLO}
    moved = {key: _slo(key, kept.tree, shelf, held, occasion) for key, kept in held.slos.items() if key not in slos}
    moved = {key: kept for key, kept in moved.items() if kept is not held.slos[key]}
    known = {*shelf, *held.documents}
    return ImportPlan(
        documents=tuple(_imported(each, documents, slos, held, _missing(each, known, judged)) for each in judged),
        changed_documents=tuple(each for key, each in documents.items() if held.documents.get(key) is not each),
        changed_slos=tuple(each for key, each in (slos | moved).items() if held.slos.get(key) is not each),
        resolved=tuple(sorted(key.name for key in moved)),
    )


def _judged_with(read: ReadDocument, shelf: Shelf) -> ReadDocument:
    """Judges what only the indicator that an SLO names can tell."""
    if read.problems or read.kind != SLO or read.tree["spec"].get("indicatorRef") is None:
        return read
    spec = read.tree["spec"]
    return read.refused(*threshold_problems(spec, indicator_tree(spec, shelf), ("spec",)))


def _document(read: ReadDocument, held: Held, occasion: Occasion) -> StoredDocument:
    before = held.documents.get(read.key)
    if before is None:
        return StoredDocument(read.key, read.tree, 1, occasion.author, occasion.now, occasion.now)
    if before.says(read.tree):
        return before
    return replace(before, tree=read.tree, revision=before.revision + 1, author=occasion.author, update_time=occasion.now)


def _slo(key: Key, tree: Tree, shelf: Shelf, held: Held, occasion: Occasion) -> KeptSlo:
    """Returns the SLO as it is to be stored: one revision on, or the very one held where document and meaning are the same."""
    slo, before = slo_of(tree, shelf), held.slos.get(key)
    if before is None:
        revision = held.last_revisions.get(key, 0) + 1
        return KeptSlo(StoredSlo(slo, revision, occasion.author, occasion.now, occasion.now), tree)
    if before.stored.slo == slo and before.document.says(tree):
        return before
    stored = before.stored
    return KeptSlo(StoredSlo(slo, stored.revision + 1, occasion.author, stored.create_time, occasion.now), tree)


def _imported(
    read: ReadDocument, documents: Mapping[Key, StoredDocument], slos: Mapping[Key, KeptSlo], held: Held, missing: tuple[Placed, ...]
) -> Imported:
    if read.problems:
        return Imported(read, ImportOutcome.REFUSED)
    key = read.key
    before: object = held.slos.get(key) if key.kind == SLO else held.documents.get(key)
    after: object = slos[key] if key.kind == SLO else documents[key]
    outcome = ImportOutcome.NEW if before is None else ImportOutcome.SAME if before is after else ImportOutcome.CHANGED
    revision = slos[key].stored.revision if key.kind == SLO else documents[key].revision
    return Imported(read, outcome, revision, missing)


def _missing(read: ReadDocument, known: set[Key], judged: Sequence[ReadDocument]) -> tuple[Placed, ...]:
    """Says of each reference that leads nowhere; the document lands all the same, and is resolved when what it names comes."""
    if read.problems:
        return ()
    refused = {(each.kind, each.id): each.number for each in judged if each.problems}
    return tuple(
        read.place(Remark(each.path, _absence(each.key, refused.get((each.key.kind, each.key.id)))))
        for each in read.references
        if each.key not in known
    )


def _absence(key: Key, refused: int | None) -> str:
    if refused:
        return f"names the {key.kind} {key.id}, which document {refused} tells of and which was refused; mend that and import it"
    if key.kind == SERVICE:
        return f"names the {key.kind} {key.id}, which is not told of; the component {key.id} is meant all the same"
    return f"names the {key.kind} {key.id}, which is neither here nor held; import it"
