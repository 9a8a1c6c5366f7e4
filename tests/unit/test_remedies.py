"""Every rule the contracts use has a remedy of its own."""

import re
from pathlib import Path

import pytest

from shared.rpc.remedies import remedy_of

PROTOS = Path(__file__).parent.parent.parent / "protos" / "ballast"
KINDS = ("string", "repeated", "map", "enum")
NAME = "send the resource name as it was given, such as collection/id"


def rules_in_use() -> set[str]:
    """Reads the rule ids that the contracts' annotations give rise to."""
    text = "\n".join(path.read_text() for path in PROTOS.rglob("*.proto"))
    names = {"min_pairs": "map", "max_pairs": "map", "min_items": "repeated", "max_items": "repeated", "unique": "repeated"}
    names |= {"uuid": "string", "pattern": "string", "min_len": "string", "max_len": "string", "max_bytes": "string"}
    names |= {"defined_only": "enum", "not_in": "enum"}
    return {f"{kind}.{name}" for name, kind in names.items() if re.search(rf"\b{name}\b", text)}


@pytest.mark.parametrize("rule", sorted(rules_in_use() | {"required", "int32.gte_lte", "double.gt", "int64.gte", "duration.gt_lte"}))
def test_a_rule_has_a_remedy(rule: str) -> None:
    assert not remedy_of(rule).startswith("see the rule")


@pytest.mark.parametrize(
    ("pattern", "remedy"),
    [
        (r"\S", "say something, not only spaces"),
        ("^https?://", "send an address that begins with http:// or https://"),
        ("^incidents/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", NAME),
        ("^(assessments|incidents)/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", NAME),
        ("^roadmapItems/[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", NAME),
        ("^deadLetters/[0-9]+$", NAME),
        (r"^[a-z][A-Za-z]*/\S+$", NAME),
        ("^.+[.].+$", "send the whole name with its package, package.v1.Name"),
        ("^.+/.+$", "send the whole name, package.Service/Method"),
        ("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?$", "send a value that matches the pattern"),
    ],
)
def test_a_pattern_has_the_remedy_of_what_it_is_for(pattern: str, remedy: str) -> None:
    assert remedy_of("string.pattern", pattern) == remedy


def test_a_rule_nobody_thought_of_points_at_the_contract() -> None:
    assert remedy_of("bytes.prefix") == "see the rule bytes.prefix at the field in the contract"
