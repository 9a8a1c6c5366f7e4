"""Items of a batch that was judged one by one: a refusal of any of them ends the command as any refusal does."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from ballast.intake.v1.signal_messages_pb2 import BeatResult, ChangeResult

from shared.errors import InvalidInput, NotFound, Violation

Given = TypeVar("Given", ChangeResult, BeatResult)


def taken(results: Sequence[Given], places: Mapping[str, str]) -> Sequence[Given]:
    """Returns the results when every item was taken. `places` says what a field's beginning reads like to whoever typed it.

    Raises NotFound when the first refused item names what does not exist, else InvalidInput with every refused item.
    """
    refused = [each.error for each in results if each.HasField("error")]
    if not refused:
        return results
    first = refused[0]
    if first.reason.endswith("_NOT_FOUND"):
        raise NotFound(first.description, reason=first.reason)
    violations = [Violation(_typed(each.field, places), each.description) for each in refused]
    raise InvalidInput("; ".join(f"{each.field}: {each.description}" for each in violations), violations, reason=first.reason)


def _typed(field: str, places: Mapping[str, str]) -> str:
    return next((typed + field.removeprefix(place) for place, typed in places.items() if field.startswith(place)), field)
