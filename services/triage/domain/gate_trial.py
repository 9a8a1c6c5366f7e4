"""Trying gating rules on incidents that happened: whose severity would differ, and how often each rule would have fired."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from services.triage.domain.gate import GateAnswer, Gates
from services.triage.domain.gate_facts import Situation
from services.triage.domain.severity import Severity


@dataclass(frozen=True, slots=True)
class GateChange:
    """An incident whose severity would differ."""

    incident: str
    title: str
    before: Severity
    after: Severity
    answer: GateAnswer


@dataclass(frozen=True, slots=True)
class GateCount:
    """How often one rule would have fired, or could not have been asked."""

    rule: str
    fired: int
    undecided: int


@dataclass(frozen=True, slots=True)
class GateTrial:
    incidents: int
    changes: tuple[GateChange, ...]
    counts: tuple[GateCount, ...]  # in the order of the rules


def try_gates(tried: Gates, in_force: Gates, situations: Sequence[Situation]) -> GateTrial:
    """Asks both versions about the same situations."""
    answers = [tried.ask(each) for each in situations]
    fired = Counter(each.rule for answer in answers for each in answer.fired)
    undecided = Counter(each.rule for answer in answers for each in answer.undecided)
    counts = tuple(GateCount(rule.name, fired[rule.name], undecided[rule.name]) for rule in tried.rules)
    return GateTrial(len(situations), tuple(_changes(in_force, situations, answers)), counts)


def _changes(in_force: Gates, situations: Sequence[Situation], answers: Sequence[GateAnswer]) -> Iterable[GateChange]:
    for situation, answer in zip(situations, answers, strict=True):
        before = in_force.ask(situation).severity_with(situation.verdict.severity)
        after = answer.severity_with(situation.verdict.severity)
        if before != after:
            yield GateChange(situation.incident.name, situation.incident.title, before, after, answer)
