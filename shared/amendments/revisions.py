"""The one document of its kind that a RevisionStore keeps, as change control sees it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ballast.governance.v1.approval_pb2 import ImpactPreview
from google.protobuf.message import Message

from shared.amendments.document import DocumentKind, Putting
from shared.revision import Revision
from shared.storage.etags import etag_of


class Keeper(Protocol):
    """The use case that keeps the versions."""

    async def get(self, revision: int) -> Revision[Any]:
        """Returns a version, the newest for 0."""

    async def update(self, document: Any, etag: str, reason: str, /, *, validate_only: bool, author: str = "") -> Revision[Any]:
        """Makes a version; the caller is the author unless another one is named."""


@dataclass(frozen=True, slots=True)
class Wire:
    """How a document reads on the wire."""

    message: type[Message]
    from_pb: Callable[[Any], Any]
    to_pb: Callable[[Revision[Any]], Message]


def kind_of_revisions(kind: str, name: str, keeper: Keeper, wire: Wire, preview: Callable[[Any], Awaitable[ImpactPreview]]) -> DocumentKind:
    """Returns the kind of a document that approvers change; `preview` takes the document."""

    async def names() -> Sequence[str]:
        return [name]

    async def read(_: str, revision: int) -> tuple[int, Message]:
        found = await keeper.get(revision)
        return found.revision, wire.to_pb(found)

    async def checked(body: Message) -> Message:
        newest = await keeper.get(0)
        # The reason is none that anybody gave, and nothing is stored: only what the rules say of the document is asked for.
        made = await keeper.update(wire.from_pb(body), etag_of(newest.revision), "checked", validate_only=True)
        return wire.to_pb(made)

    async def look_ahead(body: Message) -> ImpactPreview:
        return await preview(wire.from_pb(body))

    async def put(given: Putting) -> int:
        document = wire.from_pb(given.body)
        made = await keeper.update(document, etag_of(given.base), given.reason, validate_only=False, author=given.author)
        return made.revision

    return DocumentKind(kind, name, wire.message, "approver", names, read, checked, look_ahead, put)
