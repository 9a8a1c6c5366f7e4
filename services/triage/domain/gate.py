"""Gates: rules of the organisation's own that raise a severity, page, ask for approval or a playbook; they never lower it."""

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field

from services.triage.domain.errors import GatesRefused
from services.triage.domain.gate_facts import LANGUAGE, Fact, Situation, facts_of, facts_read
from services.triage.domain.severity import Severity
from shared.condition import Condition, ConditionFailed, ConditionRefused
from shared.revision import Revision

MOST_RULES = 100


@dataclass(frozen=True, slots=True)
class GatingRule:
    """When `condition` holds, what is to happen."""

    name: str
    condition: str  # CEL over gate_facts
    reason: str  # a sentence for whoever is called
    elevate_to: Severity | None = None
    page: bool = False
    require_approval: bool = False
    playbook: str = ""  # name of a playbook template

    @property
    def has_effect(self) -> bool:
        return self.elevate_to is not None or self.page or self.require_approval or bool(self.playbook)


@dataclass(frozen=True, slots=True)
class FiredGate:
    """A gate whose condition held, at the severity that the assessment has with it."""

    rule: str
    reason: str
    elevate_to: Severity | None
    page: bool
    require_approval: bool
    playbook: str


@dataclass(frozen=True, slots=True)
class UndecidedGate:
    """A gate that could not be asked: the facts it reads that are unknown, or why it failed. It did not fire."""

    rule: str
    unknown: tuple[str, ...]
    fault: str = ""


@dataclass(frozen=True, slots=True)
class GateAnswer:
    """What all gates said, in the order of the rules."""

    fired: tuple[FiredGate, ...] = ()
    undecided: tuple[UndecidedGate, ...] = ()

    def severity_with(self, severity: Severity) -> Severity:
        """Returns the worst of a severity and those the gates that fired raise it to."""
        return min([severity, *(each.elevate_to for each in self.fired if each.elevate_to is not None)])


Rules = tuple[GatingRule, ...]
GatesRevision = Revision[Rules]


@dataclass(frozen=True, slots=True)
class Gates:
    """A version ready to be asked."""

    revision: int
    rules: Rules = ()
    conditions: tuple[Condition, ...] = field(default=(), compare=False)
    # Only what some condition reads is found out: to find all of it for the default rule, which reads one, took a tenth of an assessment.
    facts: tuple[Fact, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "facts", facts_read({name for each in self.conditions for name in each.names}))

    def ask(self, situation: Situation) -> GateAnswer:
        """Asks every gate. The same situation and version give the same answer."""
        if not self.rules:
            return GateAnswer()
        facts, unknown = facts_of(situation, self.facts)
        fired, undecided = [], []
        for rule, condition in zip(self.rules, self.conditions, strict=True):
            try:
                if condition.holds(facts):
                    fired.append(_fired(rule))
            except ConditionFailed as failed:
                missing = tuple(sorted(condition.names & unknown))
                undecided.append(UndecidedGate(rule.name, missing, "" if missing else str(failed)))
        return GateAnswer(tuple(fired), tuple(undecided))


def gates_of(revision: int, rules: Sequence[GatingRule]) -> Gates:
    """Compiles a version. Raises GatesRefused naming every rule that cannot be, in their order, and where within its condition."""
    conditions: list[Condition] = []
    found: list[tuple[str, str]] = []
    seen: set[str] = set()
    for position, rule in enumerate(rules):
        field = f"gates.rules[{position}]"
        found += _broken(rule, field, seen)
        seen.add(rule.name)
        try:
            conditions.append(LANGUAGE.condition(rule.condition))
        except ConditionRefused as refused:
            where = f"line {refused.line}, column {refused.column}"
            found.append((f"{field}.condition", f"of {rule.name!r}, {where}: {refused.text}"))
    if found:
        raise GatesRefused(found)
    return Gates(revision, tuple(rules), tuple(conditions))


def _broken(rule: GatingRule, path: str, seen: Container[str]) -> Iterable[tuple[str, str]]:
    if rule.name in seen:
        yield f"{path}.name", f"{rule.name!r} stands twice; give each rule a name of its own"
    if not rule.has_effect:
        yield path, f"{rule.name!r} has no effect; give it elevate_to, page, require_approval or playbook"


def _fired(rule: GatingRule) -> FiredGate:
    return FiredGate(rule.name, rule.reason, rule.elevate_to, rule.page, rule.require_approval, rule.playbook)
