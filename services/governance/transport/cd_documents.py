"""CDEvents as JSON documents: read, with every rule that one breaks named by its field."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from services.governance.domain.arrival import Arrival
from services.governance.domain.cd_event import CdEvent, CdLink, LinkType, drawing_of_cd_event, drawing_of_cd_link, node_name
from services.governance.domain.drawing import Drawing
from services.governance.domain.ledger import RecordedEvent
from shared.principal import current_cause, current_principal_name
from shared.telemetry import trace_ids

LINK_TYPE = "dev.cdevents.link"  # of a link by itself, which has no type of its own
_PREFIX = "dev.cdevents"
_OWN = "/ballast/"
_LONGEST_ID = 512


class DocumentRefused(ValueError):
    """What is wrong with a document: the path of the field, and the rule."""


def arrival_from_document(text: str) -> Arrival:
    """Returns what a document tells. Raises DocumentRefused."""
    data = _parsed(text)
    return _of_event(data, text) if "context" in data else _of_link(data, text)


def drawing_of_document(type_: str, payload: bytes) -> Drawing | None:
    """Returns what an entry that was taken from a document shows; None for any other entry."""
    if not type_.startswith(_PREFIX):
        return None
    try:
        data = _parsed(payload.decode())
        return drawing_of_cd_link(_link(data, "")) if type_ == LINK_TYPE else drawing_of_cd_event(_event(data))
    except ValueError:
        return None


def _parsed(text: str) -> Mapping[str, Any]:
    try:
        data = json.loads(text)
        json.dumps(data, ensure_ascii=False).encode()
    except RecursionError:
        raise DocumentRefused("document: is nested too deep; CDEvents needs no more than a few levels") from None
    except UnicodeEncodeError:
        raise DocumentRefused("document: holds one of \\ud800 to \\udfff without its pair, which is no text; leave it out") from None
    except json.JSONDecodeError as error:
        raise DocumentRefused(f"document: is no JSON at line {error.lineno}, column {error.colno}; send one JSON object") from None
    except ValueError:  # a number of thousands of digits
        raise DocumentRefused("document: is no JSON that can be read; send one JSON object, with numbers of a usual length") from None
    if not isinstance(data, dict):
        raise DocumentRefused("document: is no JSON object; send an event of CDEvents, or a link")
    return data


def _of_event(data: Mapping[str, Any], text: str) -> Arrival:
    event = _event(data)
    source = _required(data, "context", "source")
    if source.startswith(_OWN):
        raise DocumentRefused(f"context.source: {_OWN} is for services of the suite, whose events come by themselves; name your own")
    recorded = _recorded(event.id, source, event.type, node_name(event.id), event.time, text)
    return Arrival(recorded, 1, drawing_of_cd_event(event))


def _of_link(data: Mapping[str, Any], text: str) -> Arrival:
    link = _link(data, "")
    digest = hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:32]
    time = _time(data, "timestamp")
    recorded = _recorded(digest, "cdevents/links", LINK_TYPE, node_name(link.after or link.before), time, text)
    return Arrival(recorded, 1, drawing_of_cd_link(link))


def _recorded(event_id: str, source: str, type_: str, subject: str, time: datetime, text: str) -> RecordedEvent:
    return RecordedEvent(
        event_id=event_id,
        source=source,
        type=type_,
        subject=subject,
        principal=current_principal_name(),
        event_time=time,
        trace_id=trace_ids()[0],
        payload=text.encode(),
        method=current_cause().method,
    )


def _event(data: Mapping[str, Any]) -> CdEvent:
    event_id, type_ = _required(data, "context", "id"), _required(data, "context", "type")
    if not type_.startswith(f"{_PREFIX}.") and not type_.startswith(f"{_PREFIX}x."):
        raise DocumentRefused(f"context.type: {type_!r} is no type of CDEvents; those begin with dev.cdevents.")
    if len(event_id) > _LONGEST_ID:
        raise DocumentRefused(f"context.id: is longer than {_LONGEST_ID} characters; CDEvents asks for a UUID")
    subject = _required(data, "subject", "id")
    component = subject if type_.startswith(f"{_PREFIX}.service.") else _text(data, "subject", "content", "service", "id")
    return CdEvent(event_id, type_, subject, _time(data, "context", "timestamp"), component, _links(data, event_id))


def _links(data: Mapping[str, Any], event_id: str) -> tuple[CdLink, ...]:
    found = data["context"].get("links", [])
    if not isinstance(found, list):
        raise DocumentRefused("context.links: is no list; leave it out, or send a list of links")
    chain = _text(data, "context", "chainId")
    return tuple(_embedded(each, f"context.links[{number}].", event_id, chain) for number, each in enumerate(found))


def _embedded(data: Any, place: str, event_id: str, chain: str) -> CdLink:
    if not isinstance(data, dict):
        raise DocumentRefused(f"{place[:-1]}: is no JSON object")
    kind = _link_type(data, place)
    if kind is LinkType.START:
        raise DocumentRefused(f"{place}linkType: START is not embedded: an event without a path to it starts its chain")
    earlier = "target" if kind is LinkType.RELATION else "from"
    before = _context(data, earlier, place, needed=kind is not LinkType.END)
    _refuse_self(f"{place}{earlier}", before, event_id)
    return CdLink(kind, before, event_id, _link_kind(data, kind, place), chain)


def _link(data: Mapping[str, Any], place: str) -> CdLink:
    kind, chain = _link_type(data, place), _text(data, "chainId")
    if kind is LinkType.START:
        return CdLink(kind, "", _context(data, "start", place), chain_id=chain)
    earlier, later = {LinkType.PATH: ("from", "to"), LinkType.RELATION: ("target", "source"), LinkType.END: ("from", "end")}[kind]
    before = _context(data, earlier, place, needed=kind is not LinkType.END)
    after = _context(data, later, place)
    _refuse_self(f"{place}{later}", after, before)
    return CdLink(kind, before, after, _link_kind(data, kind, place), chain)


def _refuse_self(place: str, one: str, other: str) -> None:
    if one and other and node_name(one) == node_name(other):
        raise DocumentRefused(f"{place}.contextId: is {one[:80]!r}, the event that it is linked with; link two different ones")


def _link_type(data: Mapping[str, Any], place: str) -> LinkType:
    text = _text(data, "linkType")
    if text not in set(LinkType):
        raise DocumentRefused(f"{place}linkType: {text!r} is none; choose from {', '.join(LinkType)}")
    return LinkType(text)


def _link_kind(data: Mapping[str, Any], kind: LinkType, place: str) -> str:
    if kind is not LinkType.RELATION:
        return ""
    found = _text(data, "linkKind")
    if not found:
        raise DocumentRefused(f"{place}linkKind: is missing; it says what the relation is")
    return found[:64]


def _context(data: Mapping[str, Any], field: str, place: str, *, needed: bool = True) -> str:
    found = _text(data, field, "contextId")
    if needed and not found:
        raise DocumentRefused(f"{place}{field}.contextId: is missing; it is the id of the event linked to")
    if len(found) > _LONGEST_ID:
        raise DocumentRefused(f"{place}{field}.contextId: is longer than {_LONGEST_ID} characters")
    return found


def _required(data: Mapping[str, Any], *path: str) -> str:
    found = _text(data, *path)
    if not found:
        raise DocumentRefused(f"{'.'.join(path)}: is missing; CDEvents asks for it")
    return found


def _text(data: Mapping[str, Any], *path: str) -> str:
    value: Any = data
    for part in path:
        value = value.get(part) if isinstance(value, Mapping) else None
    return value if isinstance(value, str) else ""


def _time(data: Mapping[str, Any], *path: str) -> datetime:
    text = _required(data, *path)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise DocumentRefused(f"{'.'.join(path)}: {text[:40]!r} is no time with a zone; write it as 2026-03-02T09:00:00Z")
    return found
