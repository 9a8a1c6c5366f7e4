"""A text of SLO documents read one by one: each with its problems by line, so that a bad one leaves the others whole."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from services.triage.domain import sloth
from services.triage.domain.openslo_kind import ALERT_CONDITION, ALERT_POLICY, ALERT_TARGET, KINDS, SERVICE, SLO
from services.triage.domain.openslo_rule import Findings, Remark, choice
from services.triage.domain.openslo_tree import NotKept, Path, Tree, path_text, position, tree_of
from services.triage.domain.slo_document import Key, Reference, key_of, references
from shared.yaml_documents import DocumentText, documents_of
from shared.yaml_tree import Items, Limits, Node, YamlRefused, read_yaml

LARGEST_TEXT = 1024 * 1024
MOST_DOCUMENTS = 1000
_LIMITS = Limits(bytes=LARGEST_TEXT, depth=40)
_LONGEST_NAME = 63
_VERSION = "openslo/v1"
_OTHERS = {"openslo/v1alpha", "openslo/v2alpha", "openslo/v2alpha1", "openslo.com/v2alpha", "openslo.com/v2alpha1"}
_WITHOUT_MEANING = {
    ALERT_POLICY: "Ballast has budget policies of its own and does not alert by these",
    ALERT_CONDITION: "Ballast has budget policies of its own and does not alert by these",
    ALERT_TARGET: "Ballast notifies nobody by these",
    SERVICE: "components are described in the catalogue",
}


@dataclass(frozen=True, slots=True)
class Placed:
    """A remark where it stands; lines and columns count from 1 in the whole text."""

    field: str  # empty where the document is meant
    line: int
    column: int
    text: str


@dataclass(frozen=True, slots=True)
class ReadDocument:
    """One document of a text. With problems, nothing else of it may be relied on."""

    number: int  # of the document in the text, from 1
    line: int  # of its first field
    kind: str = ""
    id: str = ""
    tree: Tree = None
    node: Node | None = field(default=None, repr=False)
    offset: int = 0  # lines of the text before the document's own first
    problems: tuple[Placed, ...] = ()
    kept: tuple[Placed, ...] = ()

    @property
    def key(self) -> Key:
        return key_of(self.tree)

    @property
    def references(self) -> list[Reference]:
        return references(self.tree)

    def place(self, remark: Remark) -> Placed:
        line, column = position(self.node, remark.path) if self.node else (1, 1)
        return Placed(path_text(remark.path), line + self.offset, column, remark.text)

    def placed(self, remarks: Iterable[Remark]) -> tuple[Placed, ...]:
        """Returns the remarks from the first line to the last."""
        return tuple(sorted(map(self.place, remarks), key=lambda each: (each.line, each.column)))

    def refused(self, *remarks: Remark) -> "ReadDocument":
        """Returns it with these problems; with any, nothing of it is kept."""
        problems = (*self.problems, *self.placed(remarks))
        return replace(self, problems=problems, kept=() if problems else self.kept)


def read_bundle(text: str) -> list[ReadDocument]:
    """Returns the documents that hold anything, in their order; a list of documents counts as that many. Raises nothing."""
    documents: list[ReadDocument] = []
    for part in documents_of(text):
        documents += _read(part, documents[-1].number + 1 if documents else 1)
        if len(documents) > MOST_DOCUMENTS:
            break
    return _once_each(documents)


def _read(part: DocumentText, number: int) -> Iterator[ReadDocument]:
    try:
        root = read_yaml(part.text, _LIMITS)
    except YamlRefused as refused:
        problem = Placed("", part.line + refused.line - 1, refused.column, refused.text)
        yield ReadDocument(number, part.first_line, problems=(problem,))
        return
    # No more than shows that there are too many: judging hundreds of thousands would take its time.
    nodes = root.nodes[: MOST_DOCUMENTS + 1] if isinstance(root, Items) else () if root is None else (root,)
    for index, node in enumerate(nodes):
        offset = part.line - 1
        yield from _judged(ReadDocument(number + index, node.line + offset, node=node, offset=offset))


def _judged(read: ReadDocument) -> list[ReadDocument]:
    assert read.node is not None
    try:
        tree = tree_of(read.node)
    except NotKept as refused:
        return [read.refused(Remark(refused.path, refused.text))]
    if isinstance(tree, dict) and tree.get("version") == sloth.VERSION:
        return _of_sloth(read, tree)
    return [_of_openslo(read, tree)]


def _of_sloth(read: ReadDocument, tree: Tree) -> list[ReadDocument]:
    findings = Findings()
    sloth.SLOTH(tree, (), findings)
    if findings.problems:
        return [replace(read, kind=SLO).refused(*findings.problems)]
    kept = read.placed(findings.kept)  # with the first, once for all of them
    each = (replace(read, kind=SLO, id=made["metadata"]["name"], tree=made) for made in sloth.openslo_trees(tree))
    return [replace(made, kept=() if index else kept) for index, made in enumerate(each)]


def _of_openslo(read: ReadDocument, tree: Tree) -> ReadDocument:
    findings = Findings()
    kind = _kind(tree, findings)
    if kind and not findings.problems:
        KINDS[kind](tree, (), findings)
        _tell_whole(kind, tree, findings)
    named = replace(read, kind=kind or _said(tree, ("kind",)), id=_said(tree, ("metadata", "name")), tree=tree)
    return replace(named, kept=named.placed(findings.kept)).refused(*findings.problems)


def _kind(tree: Tree, findings: Findings) -> str:
    """Returns the kind, after the question whether this is a document of OpenSLO v1 at all."""
    if not isinstance(tree, dict):
        findings.refuse((), "must be a mapping with apiVersion, kind, metadata and spec")
        return ""
    version = tree.get("apiVersion")
    if version != _VERSION:
        findings.refuse(("apiVersion",), _other_version(version))
    elif tree.get("kind") is None:
        findings.refuse(("kind",), f"is missing; must be one of {', '.join(KINDS)}")
    else:
        choice(*KINDS)(tree["kind"], ("kind",), findings)
    return "" if findings.problems else str(tree["kind"])


def _other_version(version: Tree) -> str:
    if version is None:
        return f"is missing; must be {_VERSION}"
    shown = str(version)[:_LONGEST_NAME]
    if shown in _OTHERS:
        return f"is {shown}, which is not read; write the document in {_VERSION}"
    if shown.startswith("sloth.slok.dev/"):
        return f"is {shown}, Sloth's resource of Kubernetes; give Sloth's own form, version: {sloth.VERSION}"
    return f"is {shown!r}; must be {_VERSION}"


def _tell_whole(kind: str, tree: Tree, findings: Findings) -> None:
    if kind in _WITHOUT_MEANING:
        findings.keep(("kind",), f"is {kind}; {_WITHOUT_MEANING[kind]}")
    spec = tree.get("spec")
    if kind == SLO and isinstance(spec, dict) and spec.get("timeWindow") is None:
        findings.keep(("spec", "timeWindow"), "is not said; the last 28 days are counted")


def _said(tree: Tree, path: Path) -> str:
    """Returns what a document says of itself before it was judged, to name it in answers; empty where that is no short text."""
    for part in path:
        tree = tree.get(part) if isinstance(tree, dict) else None
    return tree if isinstance(tree, str) and len(tree) <= _LONGEST_NAME else ""


def _once_each(documents: list[ReadDocument]) -> list[ReadDocument]:
    """Refuses what was told before in the same text."""
    first: dict[Key, int] = {}
    judged = []
    for each in documents:
        if each.problems:
            judged.append(each)
        elif each.key in first:
            told = f"is that of document {first[each.key]} already, with the same kind; keep one of the two"
            judged.append(each.refused(Remark(("metadata", "name"), told)))
        else:
            first[each.key] = each.number
            judged.append(each)
    return judged
