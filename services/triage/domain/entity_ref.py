"""References between entities as Backstage writes them, `[kind:][namespace/]name`, and the ids they have here."""

import re
from dataclasses import dataclass

DEFAULT_NAMESPACE = "default"
ID_RULE = "ids here are lower-case letters, digits and inner dashes, at most 63, as alerts carry them"
_ID = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_PART = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")


class RefRefused(ValueError):
    """What is wrong with a reference or a name, and what to do."""


@dataclass(frozen=True, slots=True)
class EntityRef:
    """A reference; all parts in lower case, as Backstage compares them."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.namespace}/{self.name}"


def ref_of(text: str, kind: str, namespace: str) -> EntityRef:
    """Reads a reference; kind and namespace are those it has where it names none. Raises RefRefused."""
    before, colon, rest = text.strip().partition(":")
    given, slash, name = (rest if colon else before).partition("/")
    parts = ((before if colon else kind), given if slash else namespace or DEFAULT_NAMESPACE, name if slash else given)
    if not all(_PART.fullmatch(part) for part in parts):
        raise RefRefused(f"is {text[:80]!r}, no reference to an entity; write [kind:][namespace/]name, as group:default/shop")
    return EntityRef(*(part.lower() for part in parts))


def id_of_name(name: str) -> str:
    """Returns the id of an entity's name: in lower case, as names that differ in case only are one. Raises RefRefused."""
    found = name.lower()
    if not _ID.fullmatch(found):
        raise RefRefused(f"is {name[:80]!r}; {ID_RULE}: rename the entity")
    return found
