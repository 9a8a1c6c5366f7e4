"""Documents under change control: what a service says of each kind, and bodies read from the wire."""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ballast.governance.v1.approval_pb2 import ImpactPreview
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.json_format import MessageToDict, ParseDict, ParseError
from google.protobuf.message import DecodeError, Message

from shared.amendments.amendment import Comparison, json_text
from shared.amendments.difference import difference
from shared.amendments.errors import AmendmentEmpty, BodyRefused
from shared.errors import Violation
from shared.rpc.fault import faults_of
from shared.rpc.shape import breaches_of


@dataclass(frozen=True, slots=True)
class Putting:
    """A body to come in force after version `base`: by whom, why, and which version it brings back (0 for none)."""

    body: Any
    base: int
    author: str
    reason: str
    restored: int


@dataclass(frozen=True, slots=True)
class DocumentKind:
    """One kind of document, as its service keeps it. Bodies are messages of the service's contract."""

    kind: str  # as approval rules know it, such as `severity-matrix`
    name: str  # of the one document, or `collection/` where there may be many
    message: type[Message]
    role: str  # that it takes to change it where nobody else must agree
    names: Callable[[], Awaitable[Sequence[str]]]  # of the documents of this kind
    # A version by its number, 0 for the one in force; version 0 with an empty message where there is none yet.
    read: Callable[[str, int], Awaitable[tuple[int, Message]]]
    checked: Callable[[Any], Awaitable[Message]]  # the body as it would read once in force; raises what the document's own rules say
    preview: Callable[[Any], Awaitable[ImpactPreview]]  # what would come of a body
    put: Callable[[Putting], Awaitable[int]]  # returns the number of the version; raises as `checked`, and Conflict
    set_by_service: frozenset[str] = frozenset({"revision", "author", "reason", "etag", "create_time"})  # no part of what is changed


async def body_from_wire(kind: DocumentKind, document: str, body: AnyMessage) -> Message:
    """Reads and checks a body that was sent. Raises BodyRefused, and what the document's own rules say."""
    message = kind.message()
    wanted = kind.message.DESCRIPTOR.full_name
    try:
        if not body.Unpack(message):
            raise _refused("body", f"is {body.TypeName() or 'empty'}, and {document} is a {wanted}; send that")
    except DecodeError:
        raise _refused("body", f"cannot be read as the {wanted} it says it is; send it as the contract has it") from None
    for field in kind.set_by_service:
        message.ClearField(field)
    violations = [Violation(f"body.{each.field}", each.description) for each in faults_of(message) or breaches_of(message)]
    if violations:
        raise BodyRefused(violations)
    if "name" in kind.message.DESCRIPTOR.fields_by_name and message.name != document:  # type: ignore[attr-defined]  # has such a field
        raise _refused("body.name", f"is {message.name}, and the amendment is of {document}; give both the same name")  # type: ignore[attr-defined]
    return await kind.checked(message)


async def compare(kind: DocumentKind, document: str, body: Message, restored: int = 0) -> Comparison:
    """Sets a body beside the version in force. Raises AmendmentEmpty where they say the same."""
    base, held = await kind.read(document, 0)
    before, after = tree_of(kind, held), tree_of(kind, body)
    if before == after and base:
        raise AmendmentEmpty(document, base)
    names = (f"{document}@{base}", f"{document}@{base + 1}")
    return Comparison(json_text(after), base, difference(before if base else {}, after, names=names), restored)


def tree_of(kind: DocumentKind, message: Message) -> dict[str, object]:
    """Returns a body as JSON without what the service sets."""
    whole = MessageToDict(message, preserving_proto_field_name=True)
    return {key: value for key, value in whole.items() if key not in kind.set_by_service}


def body_of(kind: DocumentKind, text: str) -> Message:
    """Returns the message of a body that was kept as JSON text. Raises BodyRefused for one that this version of it cannot read."""
    try:
        return ParseDict(json.loads(text), kind.message())
    except (ParseError, ValueError) as error:
        raise _refused("body", f"can no longer be read as {kind.message.DESCRIPTOR.full_name}: {error}; draft it anew") from error


def _refused(field: str, rule: str) -> BodyRefused:
    return BodyRefused([Violation(field, rule)])
