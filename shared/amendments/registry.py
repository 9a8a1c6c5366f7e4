"""Which documents a service keeps under change control, and which of them others must agree about."""

from collections.abc import Sequence

from shared.amendments.document import DocumentKind
from shared.amendments.errors import DocumentUnknown

EVERY_KIND = "*"


class Registry:
    """The kinds of documents of one service."""

    def __init__(self, kinds: Sequence[DocumentKind], approved_kinds: Sequence[str]) -> None:
        """`approved_kinds` names those that need approval, `*` all. Raises ValueError for one that there is not."""
        self._kinds = tuple(kinds)
        self._approved = frozenset(approved_kinds)
        known = {each.kind for each in kinds} | {EVERY_KIND}
        if unknown := sorted(self._approved - known):
            raise ValueError(
                f"approved_kinds: {', '.join(unknown)} is no kind of document kept here; it is one of {', '.join(sorted(known))}"
            )

    def kind_of(self, document: str) -> DocumentKind:
        """Raises DocumentUnknown."""
        for each in self._kinds:
            if document == each.name or (each.name.endswith("/") and document.startswith(each.name)):
                return each
        raise DocumentUnknown(document, [each.name + ("{id}" if each.name.endswith("/") else "") for each in self._kinds])

    def needs_approval(self, kind: DocumentKind) -> bool:
        return bool(self._approved & {kind.kind, EVERY_KIND})

    async def names(self) -> list[str]:
        """Returns the names of all documents, in order."""
        return sorted([name for each in self._kinds for name in await each.names()])
