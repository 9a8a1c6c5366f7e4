"""Inhibit rules as a YAML document: read into messages, or refused with line and field of all that is amiss."""

from collections.abc import Iterator, Sequence
from typing import Any

import yaml
from ballast.intake.v1 import inhibit_rule_pb2, matcher_pb2

from shared.errors import InvalidInput, Violation

_EXAMPLE = "{name: cluster down, source: [alertname=ClusterDown], target: ['severity=~\"warning|info\"'], equal: [cluster]}"
_FIELDS = ("name", "source", "target", "equal")
_TEXT = "tag:yaml.org,2002:str"


class _Reading:
    """One pass over the nodes of a document, which gathers what is amiss; read so and not as data, a key given twice is not lost."""

    def __init__(self) -> None:
        self.violations: list[Violation] = []

    def rules(self, root: yaml.Node | None) -> list[inhibit_rule_pb2.InhibitRule]:
        found = dict(self._pairs(root, "", ("rules",), "holds no rules; write rules: [] to inhibit nothing")) if root else {}
        if "rules" in found:
            return [self._rule(each, f"rules[{index}]") for index, each in enumerate(self._items(found["rules"], "rules"))]
        if not self.violations:
            self._fault(root, "rules", f"is missing; write rules: [] to inhibit nothing, or rules of the form {_EXAMPLE}")
        return []

    def _rule(self, node: yaml.Node, path: str) -> inhibit_rule_pb2.InhibitRule:
        fields = dict(self._pairs(node, path, _FIELDS, f"is no rule; write {_EXAMPLE}"))
        return inhibit_rule_pb2.InhibitRule(
            name=self._text(fields["name"], f"{path}.name") if "name" in fields else "",
            source=[matcher_pb2.Matcher(text=each) for each in self._texts(fields, path, "source")],
            target=[matcher_pb2.Matcher(text=each) for each in self._texts(fields, path, "target")],
            equal=self._texts(fields, path, "equal"),
        )

    def _pairs(self, node: yaml.Node | None, path: str, known: Sequence[str], otherwise: str) -> Iterator[tuple[str, yaml.Node]]:
        if not isinstance(node, yaml.MappingNode):
            self._fault(node, path or "rules", otherwise)
            return
        seen = set()
        for key, value in node.value:
            name = str(key.value) if isinstance(key, yaml.ScalarNode) else "?"
            at = f"{path}.{name}" if path else name
            if name not in known:
                self._fault(key, at, f"is no field here; use {', '.join(known)}")
            elif name in seen:
                self._fault(key, at, "stands twice; keep one")
            else:
                yield name, value
            seen.add(name)

    def _texts(self, fields: dict[str, yaml.Node], path: str, name: str) -> list[str]:
        items = self._items(fields[name], f"{path}.{name}") if name in fields else []
        return [self._text(each, f"{path}.{name}[{index}]") for index, each in enumerate(items)]

    def _items(self, node: yaml.Node, path: str) -> list[yaml.Node]:
        if isinstance(node, yaml.SequenceNode):
            return list(node.value)
        self._fault(node, path, "is not a list; write it in [brackets], or with a dash for each")
        return []

    def _text(self, node: yaml.Node, path: str) -> str:
        if isinstance(node, yaml.ScalarNode) and node.tag == _TEXT:
            return str(node.value)
        self._fault(node, path, "is not a text; put it in quotes")
        return ""

    def _fault(self, node: yaml.Node | None, path: str, description: str) -> None:
        line = node.start_mark.line + 1 if node else 1
        self.violations.append(Violation(path, f"line {line}: {description}"))


def read_rules(text: str) -> list[inhibit_rule_pb2.InhibitRule]:
    """Returns the rules in the order of the document. Raises InvalidInput for what is no YAML or not of the form of rules."""
    reading = _Reading()
    rules = reading.rules(_composed(text))
    if reading.violations:
        raise _refused(reading.violations)
    return rules


def _composed(text: str) -> Any:
    try:
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise _refused([Violation("FILE", f"line {line}: is no YAML: {error.problem}; mend it there")]) from None
    except yaml.YAMLError as error:
        raise _refused([Violation("FILE", f"is no YAML: {error}")]) from None
    except RecursionError:
        raise _refused([Violation("FILE", f"is nested too deeply; write rules of the form {_EXAMPLE}")]) from None


def _refused(violations: Sequence[Violation]) -> InvalidInput:
    return InvalidInput("; ".join(f"{each.field}: {each.description}" for each in violations), violations, reason="RULES_FILE_INVALID")
