"""Counterfactuals: the smallest change of one input with which a decision would have had another outcome, where that is exact."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from services.allocation.domain.asked import Asked, asked_of
from services.allocation.domain.bounds import apply_bounds
from services.allocation.domain.condition_range import plain_comparison
from services.allocation.domain.decision import Decision, DecisionInput, DecisionOutcome, DecisionTrigger, Unit
from services.allocation.domain.decision_inputs import REST_LEFT
from services.allocation.domain.policy import AllocationPolicy
from services.allocation.domain.quantity import figure, percent
from services.allocation.domain.rule import outcome_of
from services.allocation.domain.rule_judgement import compiled

_FARTHEST = 1_000  # incidents more or fewer that are tried
# What keeps the share by more than the inputs say.
_KEEPING = frozenset({"proposal", "first_split"})


@dataclass(frozen=True, slots=True)
class SmallestChange:
    """What an input would have had to be, or to be beyond, and what would have been decided then; the share in millionths."""

    input: str
    value: Decimal
    needed: Decimal
    beyond: bool
    unit: Unit
    outcome: DecisionOutcome
    share: int

    @property
    def sentence(self) -> str:
        more = "more" if self.needed >= self.value else "less"
        needed = f"{more} than {figure(self.needed)}" if self.beyond else figure(self.needed)
        moves = {DecisionOutcome.RAISED: "risen to", DecisionOutcome.LOWERED: "fallen to", DecisionOutcome.HELD: "stayed at"}[self.outcome]
        name = self.input.replace("_", " ")
        return f"Had the {name} been {needed} instead of {figure(self.value)}, the share would have {moves} {percent(self.share)}."


def smallest_changes(decision: Decision, policy: AllocationPolicy) -> tuple[SmallestChange, ...]:
    """Returns them in the order of the terms; `policy` is the one it was made under, at its revision.

    Nothing for a rollback, nor while the share stayed because it had changed a while before or because a proposal waited.
    """
    rests = any(bound.bound in _KEEPING for bound in decision.bounds) or any(each.input == REST_LEFT for each in decision.inputs)
    if rests or decision.trigger in {DecisionTrigger.ROLLBACK, DecisionTrigger.CAPACITY}:
        return ()
    return tuple(change for each in (_frequency, _restore, _open, _rules) for change in each(_Trial(decision, policy)))


class _Trial:
    """A decision made again with one term changed."""

    def __init__(self, decision: Decision, policy: AllocationPolicy) -> None:
        self.decision = decision
        self.policy = policy
        self.inputs = {each.input: each for each in decision.inputs}
        self._asked = asked_of(decision, policy)

    def with_term(self, term: str, share: int) -> tuple[DecisionOutcome, int] | None:
        """Returns outcome and share with a trigger's term; None where the inputs do not tell whether the share might have fallen."""
        return self._outcome(replace(self._asked, triggers={**self._asked.triggers, term: share}))

    def with_rule(self, rule: str, *, holds: bool) -> tuple[DecisionOutcome, int] | None:
        """Returns the same with a rule holding or not."""
        return self._outcome(replace(self._asked, holding=self._asked.holding - {rule} | ({rule} if holds else frozenset())))

    def _outcome(self, asked: Asked) -> tuple[DecisionOutcome, int] | None:
        before, hold = self.decision.share_before, self._hold()
        requested = asked.requested
        bounds = apply_bounds(requested, before, hold or "", self.policy, step=asked.step, frozen=asked.frozen)
        decided = bounds[-1].after_share if bounds else requested
        return None if decided < before and hold is None else (outcome_of(before, decided), decided)

    def _hold(self) -> str | None:
        """Whether the share could not fall: some words, or none; None where that is not told."""
        if self.decision.trigger is not DecisionTrigger.SPRINT_BEGAN:
            return "held"
        if any(bound.bound == "quiet_sprints" for bound in self.decision.bounds):
            return "held"
        if self.inputs["quiet_sprints"].value < self.inputs["quiet_sprints_needed"].value:
            return "held"
        return "" if self.decision.outcome is DecisionOutcome.LOWERED else None


def _frequency(trial: _Trial) -> Iterator[SmallestChange]:
    trigger, count, mean = trial.policy.incident_frequency, trial.inputs.get("incident_count"), trial.inputs.get("incident_mean")
    if trigger is None or count is None or mean is None:
        return
    total = round(mean.value * mean.sample_count)  # the mean is kept to a millionth, the sum is whole

    def share(opened: int) -> int:
        fired = opened * mean.sample_count > trigger.ratio * total and opened >= trigger.minimum_count
        return trigger.raise_by if fired else 0

    yield from _counted(trial, "incident_frequency", count, share)


def _open(trial: _Trial) -> Iterator[SmallestChange]:
    trigger, count = trial.policy.open_incidents, trial.inputs.get("open_grave_incidents")
    if trigger is not None and count is not None:
        yield from _counted(trial, "open_incidents", count, lambda grave: min(grave * trigger.raise_by, trigger.raise_at_most))


def _counted(trial: _Trial, term: str, count: DecisionInput, share: Callable[[int], int]) -> Iterator[SmallestChange]:
    """Tries counts ever farther away, fewer before more, until one has another outcome; the same share twice is tried once."""
    present, tried = int(count.value), {share(int(count.value))}
    for distance in range(1, _FARTHEST + 1):
        for needed in (present - distance, present + distance):
            if needed < 0 or (found := share(needed)) in tried:
                continue
            tried.add(found)
            outcome = trial.with_term(term, found)
            if outcome is not None and outcome[0] is not trial.decision.outcome:
                yield SmallestChange(count.input, count.value, Decimal(needed), False, count.unit, *outcome)
                return


def _restore(trial: _Trial) -> Iterator[SmallestChange]:
    """Only where both medians were reached, of enough incidents: then the ratio alone decides."""
    trigger = trial.policy.time_to_restore
    recent, earlier = trial.inputs.get("time_to_restore_median"), trial.inputs.get("time_to_restore_history_median")
    if trigger is None or recent is None or earlier is None or min(recent.sample_count, earlier.sample_count) < trigger.minimum_count:
        return
    limit, fired = trigger.ratio * earlier.value, recent.value > trigger.ratio * earlier.value
    outcome = trial.with_term("time_to_restore", 0 if fired else trigger.raise_by)
    if outcome is not None and outcome[0] is not trial.decision.outcome:
        yield SmallestChange(recent.input, recent.value, limit, not fired, recent.unit, *outcome)


def _rules(trial: _Trial) -> Iterator[SmallestChange]:
    """Only for rules that begin to hold on one comparison, of a signal that no other rule reads, and that remember nothing of before."""
    read = Counter(name for each in compiled(trial.policy.rules) for name in each.names)
    remembered = {each.rule: each for each in trial.decision.rules}
    for rule in trial.policy.rules:
        compared, memory = plain_comparison(rule.when), remembered.get(rule.id)
        fact = trial.inputs.get(compared[0]) if compared else None
        began = memory is not None and memory.holds and memory.since == trial.decision.created_at
        if compared is None or fact is None or read[compared[0]] > 1 or rule.forgives_causes or (memory is not None and not began):
            continue
        needed, beyond = Decimal(str(compared[2])), (compared[1] in {">", "<"}) is not began
        outcome = trial.with_rule(rule.id, holds=not began)
        # A value that stands on the threshold itself would have to move off it by nothing one could name.
        if outcome is not None and outcome[0] is not trial.decision.outcome and not (beyond and began and needed == fact.value):
            yield SmallestChange(fact.input, fact.value, needed, beyond, fact.unit, *outcome)
