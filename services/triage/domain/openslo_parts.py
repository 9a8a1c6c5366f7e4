"""What several kinds of OpenSLO v1 document are made of: metadata, descriptions, durations, references, metric sources.

The rules are those of the specification (github.com/OpenSLO/OpenSLO, README). Where it leaves a thing to who implements it, as with
names beyond RFC 1123, Ballast takes what the specification says everyone must take.
"""

import re

from services.triage.domain.openslo_rule import (
    NAME,
    NAME_RULE,
    Findings,
    Rule,
    anything,
    choice,
    given_of,
    items,
    kept,
    matching,
    pairs,
    record,
    text,
)
from services.triage.domain.openslo_tree import Path, Tree
from services.triage.domain.slo_duration import LONGEST, read_duration

_LABEL = re.compile(r"[a-zA-Z0-9]([a-zA-Z0-9._-]{0,61}[a-zA-Z0-9])?")
_ANNOTATION = re.compile(
    r"(?:(?=[^/]{1,253}/)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*/)?" + _LABEL.pattern
)
_LONGEST_DESCRIPTION = 1050
_MOST_LABEL_VALUES = 100

NAME_TEXT = matching(NAME, NAME_RULE)
DESCRIPTION = text(_LONGEST_DESCRIPTION, empty=True)
OPERATOR = choice("lte", "gte", "lt", "gt")


def duration(value: Tree, path: Path, findings: Findings) -> None:
    if not isinstance(value, str) or read_duration(value) is None:
        findings.refuse(path, f"is {value!r}; must be a whole number and one of m h d w M Q Y, as 30m or 4w, and at most {_years()} years")


def positive_duration(value: Tree, path: Path, findings: Findings) -> None:
    duration(value, path, findings)
    read = read_duration(value) if isinstance(value, str) else None
    if read and not read.count:
        findings.refuse(path, "is no time at all; must be longer than that")


def _years() -> int:
    return LONGEST.days // 365


def _label_value(value: Tree, path: Path, findings: Findings) -> None:
    if isinstance(value, list):
        items(text(empty=True), 0, _MOST_LABEL_VALUES, f"at most {_MOST_LABEL_VALUES} are allowed")(value, path, findings)
    else:
        text(empty=True)(value, path, findings)


_LABELS = pairs(
    matching(_LABEL, "a label's key must have up to 63 letters, digits, dashes, underscores and dots, the first and last no sign"),
    _label_value,
)
_ANNOTATIONS = pairs(
    matching(
        _ANNOTATION,
        "an annotation's key must be a name, or a DNS domain, a slash and a name, the name with up to 63 letters, digits, - _ .",
    ),
    text(empty=True),
)
METADATA = record(
    {"name": NAME_TEXT},
    {
        "displayName": text(empty=True),
        "labels": kept("labels of SLO documents are not read", _LABELS),
        "annotations": kept("annotations of SLO documents are not read", _ANNOTATIONS),
    },
)


def document(spec: Rule, kind: str, *, is_spec_required: bool = True) -> Rule:
    """A document of its own."""
    fields = {"apiVersion": choice("openslo/v1"), "kind": choice(kind), "metadata": METADATA}
    return record({**fields, "spec": spec}, {}) if is_spec_required else record(fields, {"spec": spec})


def inline(spec: Rule, kind: str, *, is_kind_required: bool = True) -> Rule:
    """A document that stands within another."""
    fields = {"metadata": METADATA, "spec": spec}
    known = {"apiVersion": choice("openslo/v1")}
    if is_kind_required:
        return record({"kind": choice(kind), **fields}, known)
    return record(fields, {"kind": choice(kind), **known})


def inline_or_ref(field: str, spec: Rule, kind: str) -> Rule:
    """Either `field` naming a document of this kind, or such a document in place."""
    ref, whole = record({field: NAME_TEXT}, {}), inline(spec, kind)

    def judge(value: Tree, path: Path, findings: Findings) -> None:
        named, placed = given_of(value, (field,)), given_of(value, ("spec", "metadata", "kind"))
        if named and placed:
            findings.refuse((*path, field), "stands beside kind, metadata or spec of one given in place; keep one of the two")
        elif named or placed:
            (ref if named else whole)(value, path, findings)
        else:
            findings.refuse(path, f"must be a mapping with {field} naming the {kind}, or with kind, metadata and spec of one")

    return judge


def _typed(value: Tree, path: Path, findings: Findings) -> None:
    if not given_of(value, ("metricSourceRef", "type")):
        findings.refuse((*path, "type"), "is missing; without metricSourceRef nothing else says what to ask, so write it, as Prometheus")


def _asked(value: Tree, path: Path, findings: Findings) -> None:
    pairs(anything, anything)(value, path, findings)
    if value == {}:
        findings.refuse(path, "is empty; say what to ask the source, as query: …")


METRIC = record(
    {"metricSource": record({"spec": _asked}, {"metricSourceRef": NAME_TEXT, "type": text()}, _typed)},
    {},
)
