"""Reports in columns: what one call brought, without an object for every alert.

A storm brings a hundred thousand reports a second. A dataclass for each costs more than everything else that Python does for it
(measured: 1.5 µs of 9), so the alert path works on columns; a position in them is a report.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from services.intake.domain.alert import Alert, canonical, digest_of, stamp_of
from services.intake.domain.item import Refusal
from shared.errors import Violation


@dataclass(slots=True)
class Reports:
    """What one call or several say of signals; every column has one value for each report that was not refused."""

    sources: list[str] = field(default_factory=list)
    fingerprints: list[UUID] = field(default_factory=list)
    labels: list[Mapping[str, str]] = field(default_factory=list)
    annotations: list[Mapping[str, str]] = field(default_factory=list)
    label_texts: list[bytes] = field(default_factory=list)  # canonical JSON
    annotation_texts: list[bytes] = field(default_factory=list)  # JSON
    stamps: list[int] = field(default_factory=list)
    starts: list[datetime | None] = field(default_factory=list)
    ends: list[datetime | None] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.fingerprints)

    def extend(self, more: "Reports") -> None:
        for name in self.__slots__:
            getattr(self, name).extend(getattr(more, name))


def reports_of(alerts: Sequence[Alert]) -> Reports:
    """Returns alerts as if they were told of now, each by the begin it has."""
    return Reports(
        sources=[each.source for each in alerts],
        fingerprints=[each.fingerprint for each in alerts],
        labels=[each.labels for each in alerts],
        annotations=[each.annotations for each in alerts],
        label_texts=[canonical(each.labels) for each in alerts],
        annotation_texts=[canonical(each.annotations) for each in alerts],
        stamps=[0] * len(alerts),
        starts=[each.life.starts_at for each in alerts],
        ends=[None] * len(alerts),
        urls=[each.generator_url for each in alerts],
    )


@dataclass(frozen=True, slots=True)
class RawReport:
    """A report by itself, as events and heartbeats make it: without identity, and perhaps without a begin."""

    key: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts_at: datetime | None
    ends_at: datetime | None
    generator_url: str


@dataclass(slots=True)
class Sent:
    """One call: its reports, and those refused, by their place in the request."""

    reports: Reports
    places: list[int]  # in the request, of each report
    refusals: dict[int, Refusal] = field(default_factory=dict)
    refused: bytes = b""

    def refuse(self, place: int, refusal: Refusal, content: bytes) -> None:
        """Takes in a report that was refused; `content` is what tells it from others."""
        self.refusals[place] = refusal
        self.refused += content

    def digest(self) -> bytes:
        """Returns what tells this call from others, however a sender orders labels and annotations when it repeats the call."""
        reports = self.reports
        others: list[str] = [*reports.sources[:1], *reports.urls, str(reports.starts), str(reports.ends), str(self.places)]
        parts = [each.bytes for each in reports.fingerprints]
        # Of what a NUL ends, nothing holds one but what was refused, which comes last.
        parts.append(b"\0".join([*reports.annotation_texts, *[each.encode() for each in others], self.refused]))
        return hashlib.sha256(b"".join(parts)).digest()

    def add(self, place: int, source: str, report: RawReport, label_text: bytes, annotation_text: bytes) -> None:
        """Takes in a report that nothing refuses; the texts are its labels and annotations as JSON, the labels' canonical."""
        reports = self.reports
        self.places.append(place)
        reports.sources.append(source)
        reports.fingerprints.append(digest_of(canonical(["key", source, report.key]) if report.key else label_text))
        reports.labels.append(report.labels)
        reports.annotations.append(report.annotations)
        reports.label_texts.append(label_text)
        reports.annotation_texts.append(annotation_text)
        reports.stamps.append(stamp_of(label_text, annotation_text, report.generator_url))
        reports.starts.append(report.starts_at)
        reports.ends.append(report.ends_at)
        reports.urls.append(report.generator_url)

    @property
    def count(self) -> int:
        return len(self.places) + len(self.refusals)


def violations_of(sent: Sent, field_name: str) -> Sequence[Violation]:
    """Returns the violations of all refused reports, each with the path from the request on."""
    return [Violation(path_of(field_name, place, refusal.field), refusal.description) for place, refusal in sorted(sent.refusals.items())]


def path_of(field_name: str, place: int, field_path: str) -> str:
    return f"{field_name}[{place}].{field_path}" if field_path else f"{field_name}[{place}]"
