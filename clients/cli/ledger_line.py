"""Lines of a ledger export, read strictly: what two readers could take for two things is refused, and what nobody knows is told."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

# The parts there are; of those that are objects, the fields, as both spellings of protobuf's JSON have them.
_FIELDS: Mapping[str, frozenset[str]] = {
    "header": frozenset({"checkpoint", "verifier_keys", "verifierKeys", "complete", "sealed_through", "sealedThrough"}),
    "entry": frozenset({"leaf", "content", "path"}),
    "tile": frozenset({"first_sequence", "firstSequence", "hashes", "path"}),
    "footer": frozenset({"entry_count", "entryCount"}),
}
_CONTENT = frozenset({"salt", "principal", "payload", "reason"})
_KINDS = frozenset({*_FIELDS, "checkpoint"})


class LineRefused(ValueError):
    """A line that is no part of an export: what is wrong with it, to be read after its number."""


def part_from_line(line: str | bytes) -> dict[str, Any]:
    """Raises LineRefused."""
    try:
        part = json.loads(line, object_pairs_hook=_once)
    except LineRefused:
        raise
    except (ValueError, RecursionError):
        part = None
    if not isinstance(part, dict):
        raise LineRefused("is no JSON object; export again, or fetch the file again")
    if len(part.keys() & _KINDS) > 1:
        raise LineRefused("has several parts at once")
    for place, found in _objects(part):
        if not isinstance(found, dict):
            raise LineRefused(f"has something else than an object as its {place}")
    return part


def unknown_fields(part: Mapping[str, Any]) -> Iterator[str]:
    """Yields the fields that this version does not know, each by its path."""
    if not part.keys() <= _KINDS:
        yield from sorted(part.keys() - _KINDS)
    for place, found in _objects(part):
        known = _FIELDS.get(place, _CONTENT)
        if not found.keys() <= known:
            yield from (f"{place}.{name}" for name in sorted(found.keys() - known))


def _objects(part: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for kind in _FIELDS:
        if kind in part:
            found = part[kind]
            yield kind, found
            if kind == "entry" and isinstance(found, dict) and "content" in found:
                yield "entry.content", found["content"]


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise LineRefused(f"has the field {next(name for name in names if names.count(name) > 1)} twice")
    return found
