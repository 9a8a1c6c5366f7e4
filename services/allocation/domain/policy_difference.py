"""Differences: two policies as documents, field by field, and what each difference means."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Document = Mapping[str, Any]
_MEANINGS = {
    "baseline_share": "in calm times {after} of capacity goes to remediation",
    "floor_share": "the share never falls below {after}",
    "cap_share": "the share never rises above {after}",
    "largest_step": "the share moves by at most {after} at once",
    "quiet_sprints": "the share is lowered after {after} quiet sprints",
    "horizon_sprints": "the roadmap is planned {after} sprints ahead",
    "history_sprints": "rules compare with {after} sprints of history",
    "shortest_dwell": "after a change the share stays for at least {after}",
    "incident_frequency": "how often incidents come is watched",
    "time_to_restore": "how long restoring takes is watched",
    "open_incidents": "what is open is watched",
    "approval_thresholds.share_change": "others must agree to a change of {after} or more",
    "approval_thresholds.value_at_risk": "others must agree from {after} at risk on",
    "approval_thresholds.displaced_items": "others must agree from {after} displaced roadmap items on",
    "circuit_breaker": "when the rule is not followed blindly",
    "reserve": "how much is set aside by the forecast",
    "reserve.service_level": "the reserve is to suffice with a chance of {after}",
    "reserve.clearing_sprints": "what is left of open incidents is to be cleared within {after} sprints",
}
_GONE = {
    "incident_frequency": "how often incidents come is no longer watched",
    "time_to_restore": "how long restoring takes is no longer watched",
    "open_incidents": "what is open is no longer watched",
    "approval_thresholds": "nobody else has to agree to a change any more",
    "circuit_breaker": "the rule is always followed",
    "reserve": "nothing is set aside by the forecast any more",
    "shortest_dwell": "the share may move again at once",
    "history_sprints": "rules compare with 6 sprints of history again",
}
_PARTS = {
    "when": "begins to hold on another condition",
    "until": "goes on until another condition",
    "raise_by": "adds {after}",
    "set_share": "asks for at least {after}",
    "protect": "protects other items",
    "freeze": "stops roadmap work",
    "cool_down_sprints": "rests for {after} sprints after it let go",
    "largest_step": "lets the share rise by {after} at once",
    "forgives_causes": "leaves out what is not in the team's hands: {after}",
    "reason": "gives another reason",
    "description": "is described otherwise",
}


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """One field, as documents spell it, its values as JSON (empty where it is absent), and what that means."""

    field: str
    before: str
    after: str
    meaning: str


def changes_between(before: Document, after: Document) -> tuple[PolicyChange, ...]:
    """Returns every field in which two policies' documents differ, in the order of the fields; rules go by their ids."""
    return tuple(_changes("", _by_id(before), _by_id(after)))


def _by_id(document: Document) -> Document:
    rules = {f"rules[{each['id']}]": {name: value for name, value in each.items() if name != "id"} for each in document.get("rules", ())}
    order = {"rules": [each["id"] for each in document["rules"]]} if rules else {}
    return {**{name: value for name, value in document.items() if name != "rules"}, **order, **rules}


def _changes(path: str, before: Document, after: Document) -> Iterator[PolicyChange]:
    for name in sorted({*before, *after}):
        field = f"{path}.{name}" if path else name
        left, right = before.get(name), after.get(name)
        # That a rule came or went is said of the rule: the list of them says only in which order they stand.
        if left == right or (field == "rules" and sorted(left or []) != sorted(right or [])):
            continue
        if isinstance(left, Mapping) and isinstance(right, Mapping):
            yield from _changes(field, left, right)
        else:
            yield PolicyChange(field, _json(left), _json(right), _meaning(field, left, right))


def _meaning(field: str, before: Any, after: Any) -> str:
    if field == "rules":
        return "The rules stand in another order."
    if field.startswith("rules["):
        return _rule_meaning(field, before, after)
    if after is None:
        return _sentence(_GONE.get(field, f"{field} is no longer stated"), before, after)
    said = _MEANINGS.get(field) or f"{field} is {{after}}"
    return _sentence(said, before, after)


def _rule_meaning(field: str, before: Any, after: Any) -> str:
    rule, _, part = field.partition("].")
    name = rule.removeprefix("rules[").removesuffix("]")
    if not part:
        return f"Rule {name} is new." if before is None else f"Rule {name} is gone."
    if after is None:
        return f"Rule {name} no longer states {part}."
    said = _PARTS.get(part.partition(".")[0], f"has another {part}")
    return _sentence(f"rule {name} {said}", before, after)


def _sentence(said: str, before: Any, after: Any) -> str:
    text = said.format(after=_text(after))
    was = "" if before is None or isinstance(before, Mapping | list) or "{after}" not in said else f", and it was {_text(before)}"
    return f"{text[0].upper()}{text[1:]}{was}."


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and 0 < value < 1:
        return f"{100 * value:.1f} %"
    if isinstance(value, Mapping) and "currency_code" in value:
        return f"{value.get('units', 0)} {value['currency_code']}"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _json(value: Any) -> str:
    return "" if value is None else json.dumps(value, sort_keys=True, ensure_ascii=False)
