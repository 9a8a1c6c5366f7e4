"""How gating rules and what they answered are stored."""

from typing import Any

from services.triage.domain.errors import GatesRevisionNotFound
from services.triage.domain.events import GatingRulesChanged
from services.triage.domain.gate import FiredGate, GateAnswer, GatingRule, Rules, UndecidedGate
from services.triage.domain.severity import Severity
from services.triage.storage.tables import gating_rules
from shared.events.outbox import Outbox
from shared.revisions import Form, RevisionStore
from shared.storage.database import Database


def gate_store(database: Database, outbox: Outbox, default: Rules) -> RevisionStore[Rules]:
    """Returns the versions of the gating rules; the first is `default`, stored when they are first looked at."""
    form = Form("gatingRules", "gates", default, rules_to_json, rules_from_json, GatingRulesChanged, GatesRevisionNotFound)
    return RevisionStore(database, outbox, gating_rules, form)


def rules_to_json(rules: Rules) -> list[dict[str, Any]]:
    return [_effects_to_json(rule) | {"name": rule.name, "condition": rule.condition} for rule in rules]


def rules_from_json(stored: list[dict[str, Any]]) -> Rules:
    return tuple(GatingRule(name=each["name"], condition=each["condition"], **_effects_from_json(each)) for each in stored)


def answer_to_json(answer: GateAnswer) -> dict[str, Any]:
    return {
        "fired": [_effects_to_json(each) | {"rule": each.rule} for each in answer.fired],
        "undecided": [[each.rule, list(each.unknown), each.fault] for each in answer.undecided],
    }


def answer_from_json(stored: dict[str, Any] | None) -> GateAnswer:
    """Reads an answer; None is what was found before there were gates."""
    if stored is None:
        return GateAnswer()
    fired = tuple(FiredGate(rule=each["rule"], **_effects_from_json(each)) for each in stored["fired"])
    return GateAnswer(fired, tuple(UndecidedGate(rule, tuple(unknown), fault) for rule, unknown, fault in stored["undecided"]))


def _effects_to_json(of: GatingRule | FiredGate) -> dict[str, Any]:
    return {
        "reason": of.reason,
        "elevate_to": of.elevate_to.name if of.elevate_to else None,
        "page": of.page,
        "require_approval": of.require_approval,
        "playbook": of.playbook,
    }


def _effects_from_json(stored: dict[str, Any]) -> dict[str, Any]:
    effects = {name: stored[name] for name in ("reason", "page", "require_approval", "playbook")}
    return effects | {"elevate_to": Severity[stored["elevate_to"]] if stored["elevate_to"] else None}
