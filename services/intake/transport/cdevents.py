"""CDEvents: the vocabulary of delivery pipelines, read as alerts and changes. Of each event only what is named here is used."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.intake.domain.change import ChangeKind, ChangeReport
from services.intake.domain.item import Refusal
from services.intake.usecases.reports import RawReport

_VERSION = "0.3.0"
_SHORTEN = 1024


@dataclass(frozen=True, slots=True)
class CdEvent:
    """A CDEvent as far as all of them are alike."""

    id: str
    subject: str
    time: datetime | None
    content: Mapping[str, Any]
    component_label: str


class Unusable(ValueError):
    """The data lacks what its type promises; the first argument is the path within the data, the second the rule."""


def cd_event(event_id: str, subject: str, time: datetime | None, data: Any, component_label: str) -> CdEvent:
    """Reads the data common to all CDEvents; what the CloudEvent itself says of subject and time wins. Raises Unusable."""
    if not isinstance(data, dict):
        raise Unusable("", "is no JSON object; send the CDEvent as it is specified")
    found = subject or _text(data, "subject", "id")
    if not found:
        raise Unusable("subject.id", "is missing; it says what the event is about")
    content = data.get("subject", {}).get("content", {}) if isinstance(data.get("subject"), dict) else {}
    return CdEvent(event_id, found, time or _time(data), content if isinstance(content, dict) else {}, component_label)


def _firing(event: CdEvent) -> RawReport:
    return _incident(event, event.time, None)


def _resolved(event: CdEvent) -> RawReport | Refusal:
    if event.time is None:
        raise Unusable("context.timestamp", "is missing; it says when the incident ended")
    return _incident(event, None, event.time)


def _incident(event: CdEvent, starts_at: datetime | None, ends_at: datetime | None) -> RawReport:
    """The subject is the key, so that detected, reported and resolved are of one alert."""
    labels = {
        "alertname": "incident",
        "incident": event.subject,
        event.component_label: _text(event.content, "service", "id"),
        "environment": _text(event.content, "environment", "id"),
        "artifact": _text(event.content, "artifactId"),
    }
    annotations = {"summary": _text(event.content, "description"), "ticket": _text(event.content, "ticketURI")}
    return RawReport(
        key=event.subject,
        labels={key: value[:_SHORTEN] for key, value in labels.items() if value},
        annotations={key: value for key, value in annotations.items() if value},
        starts_at=starts_at,
        ends_at=ends_at,
        generator_url=_text(event.content, "ticketURI"),
    )


def _service(kind: ChangeKind, done: str) -> Callable[[CdEvent], ChangeReport]:
    """The event's own id is the key: the subject is the service, which is deployed again and again."""

    def read(event: CdEvent) -> ChangeReport:
        return ChangeReport(
            key=event.id,
            kind=kind,
            components=(event.subject,),
            environment=_text(event.content, "environment", "id"),
            summary=f"{event.subject} {done}",
            artifact=_text(event.content, "artifactId"),
            started_at=event.time,
        )

    return read


def _environment(done: str) -> Callable[[CdEvent], ChangeReport]:
    def read(event: CdEvent) -> ChangeReport:
        summary = f"environment {event.subject} {done}"
        return ChangeReport(event.id, ChangeKind.INFRASTRUCTURE, environment=event.subject, summary=summary, started_at=event.time)

    return read


def _nothing(event: CdEvent) -> None:
    """An artifact that is built or published is not in use yet."""
    del event


READERS: Mapping[str, Callable[[CdEvent], RawReport | ChangeReport | Refusal | None]] = {
    f"dev.cdevents.{name}.{_VERSION}": reader
    for name, reader in {
        "incident.detected": _firing,
        "incident.reported": _firing,
        "incident.resolved": _resolved,
        "service.deployed": _service(ChangeKind.DEPLOY, "deployed"),
        "service.upgraded": _service(ChangeKind.DEPLOY, "upgraded"),
        "service.rolledback": _service(ChangeKind.ROLLBACK, "rolled back"),
        "service.removed": _service(ChangeKind.REMOVAL, "removed"),
        "service.published": _service(ChangeKind.DEPLOY, "published"),
        "environment.created": _environment("created"),
        "environment.modified": _environment("modified"),
        "environment.deleted": _environment("deleted"),
        "artifact.packaged": _nothing,
        "artifact.published": _nothing,
    }.items()
}


def _text(data: Mapping[str, Any], *path: str) -> str:
    """Returns the string at the path; empty where there is none."""
    value: Any = data
    for part in path:
        value = value.get(part) if isinstance(value, Mapping) else None
    return value if isinstance(value, str) else ""


def _time(data: Mapping[str, Any]) -> datetime | None:
    text = _text(data, "context", "timestamp")
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Unusable("context.timestamp", f"{text[:40]!r} is no RFC 3339 time; write it as 2026-03-02T09:00:00Z") from None
    if found.tzinfo is None:
        raise Unusable("context.timestamp", f"{text[:40]!r} has no zone; end it with Z for UTC")
    return found
