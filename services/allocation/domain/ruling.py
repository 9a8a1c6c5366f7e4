"""The ruling: from signals and what is remembered to a share, by a policy and nothing else.

    terms     the baseline; each trigger; each rule, those that raise before those that set a least share, and a freeze last; the reserve
    requested their exact sum
    bounds    floor, cap, largest step, quiet sprints, rest after a change: those that changed something
    share     where they lead to

It reads no clock and no store, and takes some 20 µs for a policy without rules: deciding, previewing and back-testing all go through here.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain

from services.allocation.domain.bounds import apply_bounds
from services.allocation.domain.decision import DecisionBound, DecisionTerm
from services.allocation.domain.policy import AllocationPolicy
from services.allocation.domain.policy_rule import Freeze, Protect, RaiseBy, SetShare
from services.allocation.domain.quantity import counted, percent
from services.allocation.domain.reserve_term import reserve_term
from services.allocation.domain.rest import Rest, rest_bound
from services.allocation.domain.rule_judgement import Judgement, judged
from services.allocation.domain.rule_memory import RuleMemory
from services.allocation.domain.signals import Signals
from services.allocation.domain.term import NOT_OBSERVED, baseline_term, frequency_term, open_term, restore_term

__all__ = ["Memory", "Rest", "RuleMemory", "Ruling", "Signals", "rule_on"]

RULE = "rule/"  # leads the names of the terms of a policy's rules


@dataclass(frozen=True, slots=True)
class Memory:
    """What is remembered when a share is ruled on: of the present sprint so far, and of those before."""

    share: int  # millionths, in force before
    quiet_sprints: int = 0  # finished sprints in a row in which decisions were made and nothing fired
    fired: bool = False  # whether something fired in the present sprint already
    rules: tuple[RuleMemory, ...] = ()  # which hold, since when, and which let go a while ago
    rests: tuple[Rest, ...] = ()  # after changes of the share, oldest first

    def next_sprint(self) -> "Memory":
        """Returns it as the next sprint begins, of one in which a decision was made."""
        return replace(self, quiet_sprints=0 if self.fired else self.quiet_sprints + 1, fired=False)


@dataclass(frozen=True, slots=True)
class Ruling:
    """A share with the way to it. Shares in millionths."""

    terms: tuple[DecisionTerm, ...]  # they sum exactly to `requested`
    requested: int
    bounds: tuple[DecisionBound, ...]  # they chain from `requested` to `share`
    share: int
    memory: Memory  # as it is after this ruling, within the same sprint
    frozen: bool = False  # roadmap work stops but for what is protected
    protects: tuple[str, ...] = ()  # roadmap items, with `*` for any characters

    @property
    def fired(self) -> bool:
        return any(term.fired for term in self.terms[1:])


def rule_on(policy: AllocationPolicy, signals: Signals, memory: Memory, begins: bool) -> Ruling:
    """Rules on the share; the same arguments give the same ruling. `begins` says that a sprint begins, else it is within one.

    More incidents, graver ones, more hours asked for never give a smaller share, all else equal, as long as no rule's own condition
    says so.
    """
    judgements = judged(policy.rules, signals, memory.rules, begins=begins)
    terms = _terms(policy, signals, judgements)
    requested = sum(term.share for term in terms)
    fired = any(term.fired for term in terms[1:])
    frozen = any(each.holds and isinstance(each.rule.effect, Freeze) for each in judgements)
    step = max((each.rule.largest_step or 0 for each in judgements if each.holds), default=0)
    hold = _hold(policy, memory, signals.sprint, begins=begins)
    bounds = apply_bounds(requested, memory.share, hold, policy, step=step, frozen=frozen)
    share = bounds[-1].after_share if bounds else requested
    if rest := rest_bound(memory.rests, signals.at, (memory.share, share), begins=begins, frozen=frozen):
        bounds, share = (*bounds, rest), rest.after_share
    return Ruling(
        terms=terms,
        requested=requested,
        bounds=bounds,
        share=share,
        memory=_after(policy, signals, memory, judgements, (share, fired)),
        frozen=frozen,
        protects=tuple(
            chain.from_iterable(each.rule.effect.items for each in judgements if each.holds and isinstance(each.rule.effect, Protect))
        ),
    )


def _terms(policy: AllocationPolicy, signals: Signals, judgements: tuple[Judgement, ...]) -> tuple[DecisionTerm, ...]:
    terms = [baseline_term(policy), *_trigger_terms(policy, signals)]
    terms.extend(_rule_terms(policy, judgements, sum(term.share for term in terms)))
    if policy.reserve is not None:
        asked = sum(term.share for term in terms)
        # A rule that moves no share asks for none: then the reserve alone says what is enough, and that may be less than the baseline.
        asks = any(term.fired and term.share for term in terms[1:])
        terms.append(reserve_term(policy.reserve, signals, policy.baseline_share, asked if asks else None))
    return tuple(terms)


def _trigger_terms(policy: AllocationPolicy, signals: Signals) -> Iterator[DecisionTerm]:
    if policy.incident_frequency:
        term = frequency_term(policy.incident_frequency, signals.frequency, signals.judged)
        yield term if signals.observed else replace(term, share=0, fired=False, reason=NOT_OBSERVED)
    if policy.time_to_restore:
        term = restore_term(policy.time_to_restore, signals.restoring, signals.judged)
        yield term if signals.observed else replace(term, share=0, fired=False, reason=NOT_OBSERVED)
    if policy.open_incidents:
        yield open_term(policy.open_incidents, signals.grave_open)


def _rule_terms(policy: AllocationPolicy, judgements: tuple[Judgement, ...], asked: int) -> Iterator[DecisionTerm]:
    """Yields a term for each rule: what it adds to what was asked for before it."""
    for kind in (RaiseBy, SetShare, Freeze, Protect):
        for each in judgements:
            effect = each.rule.effect
            if not isinstance(effect, kind):
                continue
            added, said = _added(effect, policy, asked) if each.holds else (0, "")
            asked += added
            yield DecisionTerm(RULE + each.rule.id, added, each.holds, f"{each.reason}{said}")


def _added(effect: RaiseBy | SetShare | Freeze | Protect, policy: AllocationPolicy, asked: int) -> tuple[int, str]:
    if isinstance(effect, RaiseBy):
        return effect.share, f" It adds {percent(effect.share)}."
    if isinstance(effect, SetShare):
        return max(effect.share - asked, 0), f" It asks for {percent(effect.share)} at least."
    if isinstance(effect, Freeze):
        return max(policy.cap_share - asked, 0), f" Roadmap work stops: the share goes to the cap of {percent(policy.cap_share)} at once."
    return 0, f" It protects {', '.join(effect.items)}."


def _hold(policy: AllocationPolicy, memory: Memory, sprint: int, *, begins: bool) -> str:
    """Returns why the share may not be lowered now, or nothing when it may."""
    if not begins:
        return "The share is lowered only when a sprint begins."
    if memory.fired:
        return f"A trigger fired in sprint {sprint} already."
    quiet, needed = memory.quiet_sprints, policy.quiet_sprints
    if quiet < needed:
        return f"{counted(quiet, 'quiet sprint')} in a row so far, and it takes {needed} to lower the share."
    return ""


def _after(
    policy: AllocationPolicy, signals: Signals, memory: Memory, judgements: tuple[Judgement, ...], found: tuple[int, bool]
) -> Memory:
    share, fired = found
    rests = tuple(each for each in memory.rests if signals.at < each.until)
    if share != memory.share and policy.shortest_dwell is not None:
        rests = (*rests, Rest(signals.at, signals.at + policy.shortest_dwell))
    return Memory(
        share=share,
        quiet_sprints=memory.quiet_sprints,
        fired=memory.fired or fired,
        rules=tuple(each.memory for each in judgements if each.memory),
        rests=rests,
    )
