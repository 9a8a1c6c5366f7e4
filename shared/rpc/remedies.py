"""What to do about a broken shape rule, by the rule's id: the contract says what is wrong, and this how to mend it."""

import re
from typing import Any

_REMEDIES = {
    "required": "set it",
    "map.min_pairs": "add at least one entry",
    "map.max_pairs": "leave entries out",
    "repeated.min_items": "add at least one",
    "repeated.max_items": "send it in several calls, or leave some out",
    "repeated.unique": "name each only once",
    "string.uuid": "send a UUID such as 123e4567-e89b-42d3-a456-426614174000, or leave it empty where it is optional",
    "string.min_len": "do not leave it empty",
    "string.max_len": "shorten it",
    "string.max_bytes": "shorten it",
    "enum.defined_only": "send one of the contract's values",
    "enum.not_in": "choose one of the other values",
    "double.finite": "send a finite number",
}
_BY_COMPARISON = {"gt": "send a larger value", "gte": "send a larger value", "lt": "send a smaller value", "lte": "send a smaller value"}
# The first that is found in the pattern says what it is for.
_BY_PATTERN = [
    (re.compile(r"^\\S$"), "say something, not only spaces"),
    (re.compile(re.escape("{32})?$")), "send the 32 hex digits of a W3C trace id"),
    (re.compile(r"^\^https\?://"), "send an address that begins with http:// or https://"),
    (re.compile(r"^\^(\[a-z\]\[A-Za-z\]\*|[A-Za-z]+|\([A-Za-z|]+\))/"), "send the resource name as it was given, such as collection/id"),
    (re.compile(re.escape("^.+[.].+$")), "send the whole name with its package, package.v1.Name"),
    (re.compile(re.escape("^.+/.+$")), "send the whole name, package.Service/Method"),
    (re.compile(""), "send a value that matches the pattern"),
]


def remedy_of(rule_id: str, value: Any = None) -> str:
    """Returns what to do about a breach of this protovalidate rule, of which the contract sets `value`."""
    if rule_id == "string.pattern":
        return next(remedy for kind, remedy in _BY_PATTERN if kind.search(str(value)))
    if rule_id == "enum.defined_only" and isinstance(value, list):
        return f"send one of {', '.join(value)}"
    if rule_id in _REMEDIES:
        return _REMEDIES[rule_id]
    kind, _, comparison = rule_id.partition(".")
    if comparison in _BY_COMPARISON:
        return _BY_COMPARISON[comparison]
    if any(comparison.startswith(each) for each in _BY_COMPARISON):  # double.gt_lte and its kin: a range
        return "send a value within the range"
    return f"see the rule {kind}.{comparison} at the field in the contract" if comparison else "see the rule at the field in the contract"
