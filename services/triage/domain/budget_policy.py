"""Budget policy: what follows when a budget burns or is spent, as steps that are data, with effects that depend on the cause.

The default steps are google/slo-generator's sample policy and, for the exhausted budget, the SRE workbook's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from services.triage.domain.budget_cause import FORGIVEN, BudgetCause
from services.triage.domain.budget_window import span_text
from services.triage.domain.error_budget import FEWEST_EVENTS, Floats
from services.triage.domain.errors import BudgetPolicyRefused
from shared.errors import Violation
from shared.revision import Revision

_MOST_STEPS = 20
_SHORTEST, _LONGEST = timedelta(minutes=5), timedelta(days=400)


class BudgetEffect(IntEnum):
    """What a step asks of the team, the least first."""

    CONTINUE = 1  # features go on
    TICKET = 2
    PAGE = 3
    RELIABILITY_SHARE = 4  # a share of the team works on reliability
    FREEZE = 5  # no changes but for reliability and security


@dataclass(frozen=True, slots=True)
class BudgetStep:
    """A step: in force while the burn in `window` reaches `burn`, or while no more than `remaining` is left."""

    name: str
    effect: BudgetEffect
    window: timedelta | None = None  # of the burn
    burn: float | None = None
    remaining: float | None = None
    effects: Mapping[BudgetCause, BudgetEffect] = field(default_factory=dict)  # where the cause calls for another effect
    reliability_share: float = 0.0  # of the team, for RELIABILITY_SHARE

    def effect_for(self, cause: BudgetCause) -> BudgetEffect:
        return self.effects.get(cause, self.effect)


@dataclass(frozen=True, slots=True)
class BudgetPolicy:
    """Steps, the mildest first: of those that hold the last is in force. And from which share on duties arise."""

    steps: tuple[BudgetStep, ...]
    post_mortem_share: float = 0.2  # of the four-week budget, used by one incident
    planning_share: float = 0.2  # of the quarter's budget, used by one class of incidents

    def check(self) -> None:
        """Raises BudgetPolicyRefused naming every field at fault."""
        found = [fault for place, step in enumerate(self.steps) for fault in _step_faults(step, f"policy.steps[{place}]")]
        if not 1 <= len(self.steps) <= _MOST_STEPS:
            found.append(Violation("policy.steps", f"are {len(self.steps)}; give 1 to {_MOST_STEPS}"))
        names = [step.name for step in self.steps]
        found += [Violation("policy.steps", f"has two named {name!r}; name each once") for name in {*names} if names.count(name) > 1]
        for name, share in (("post_mortem_share", self.post_mortem_share), ("planning_share", self.planning_share)):
            if not 0 < share <= 1:
                found.append(Violation(f"policy.{name}", f"is {share:g}; give a share above 0 and up to 1, such as 0.2"))
        if found:
            raise BudgetPolicyRefused(found)

    @property
    def windows(self) -> tuple[timedelta, ...]:
        """Returns every window whose burn a step looks at, each once."""
        return tuple(dict.fromkeys(step.window for step in self.steps if step.window))


BudgetPolicyRevision = Revision[BudgetPolicy]


@dataclass(frozen=True, slots=True)
class Standing:
    """The step a budget is in; none has an empty name, and its features go on."""

    step: str = ""
    effect: BudgetEffect = BudgetEffect.CONTINUE
    cause: BudgetCause = BudgetCause.UNKNOWN
    reason: str = "no step of the policy holds"
    reliability_share: float = 0.0


UNRESTRICTED = Standing()


@dataclass(frozen=True, slots=True)
class Acting:
    """What steps look at of many budgets, a row each: the burns to act on, a column for each window, what remains, and events counted."""

    windows: Sequence[timedelta]
    burns: Floats
    remaining: Floats
    totals: Floats  # of the budget's own window


def places_in_force(policy: BudgetPolicy, acting: Acting) -> NDArray[np.int64]:
    """Returns the position of the last step that holds for each budget; -1 where none does.

    A burn that is not a number reaches nothing, and of fewer than FEWEST_EVENTS nothing remains or is missing that could be told.
    """
    places = np.full(len(acting.remaining), -1, dtype=np.int64)
    for place, step in enumerate(policy.steps):
        if step.window is not None and step.burn is not None:
            holds = acting.burns[:, list(acting.windows).index(step.window)] >= step.burn * (1 - 1e-9)
        else:
            holds = (acting.remaining <= (step.remaining or 0.0)) & (acting.totals >= FEWEST_EVENTS)
        places[holds] = place
    return places


def standing_of(step: BudgetStep | None, burn: float, remaining: float, cause: BudgetCause, *, known: float = 1.0) -> Standing:
    """Returns what a step means for a budget spent for this cause, with the reason in words; `known` is the share of its window counted."""
    if step is None:
        return UNRESTRICTED
    fact = f"{remaining:.1%} of the budget remains, at most {step.remaining or 0.0:.1%}"
    if step.burn is not None and step.window is not None:
        fact = f"the burn over {span_text(step.window)} is {burn:.3g}, from {step.burn:g} on"
        if known < 1:
            fact += f"; of that time {span_text(step.window * known)} are counted so far, and the rest as if nothing had failed"
    effect = step.effect_for(cause)
    why = f"; most was spent for the cause {cause.name.lower().replace('_', ' ')}"
    if effect is not step.effect:
        why += f", for which it is {effect.name.lower().replace('_', ' ')} and not {step.effect.name.lower().replace('_', ' ')}"
    return Standing(step.name, effect, cause, f"{step.name}: {fact}{why}", step.reliability_share if effect is step.effect else 0.0)


def default_policy() -> BudgetPolicy:
    # A page or ticket is right whatever the cause: somebody must look before it is known.
    go_on = dict.fromkeys(sorted(FORGIVEN), BudgetEffect.CONTINUE)
    hours, days = timedelta(hours=1), timedelta(days=1)
    return BudgetPolicy(
        (
            BudgetStep("page-slow", BudgetEffect.PAGE, 12 * hours, 3.0),
            BudgetStep("page-fast", BudgetEffect.PAGE, hours, 9.0),
            BudgetStep("reliability-share", BudgetEffect.RELIABILITY_SHARE, 7 * days, 1.5, effects=go_on, reliability_share=0.25),
            BudgetStep("freeze-burn", BudgetEffect.FREEZE, 28 * days, 1.0, effects=go_on),
            BudgetStep("freeze-exhausted", BudgetEffect.FREEZE, remaining=0.0, effects=go_on),
        )
    )


def _step_faults(step: BudgetStep, place: str) -> Sequence[Violation]:
    rules = (
        ("name", not step.name.strip(), "is empty; name the step"),
        ("burn", (step.burn is None) is (step.remaining is None), "needs one of burn and remaining: give exactly one"),
        ("burn", step.burn is not None and not 0 < step.burn < float("inf"), "must be a number above 0"),
        ("window", (step.burn is None) is not (step.window is None), "goes with burn: give both or neither"),
        ("window", step.window is not None and not _SHORTEST <= step.window <= _LONGEST, "must be from 5 min to 400 days"),
        (
            "remaining",
            step.remaining is not None and not -100 <= step.remaining < 1,
            "must be a share below 1, such as 0.25; 0 is exhausted",
        ),
        (
            "reliability_share",
            (step.effect is BudgetEffect.RELIABILITY_SHARE) is not (0 < step.reliability_share <= 1),
            "goes with the effect RELIABILITY_SHARE, above 0 and up to 1, and with no other",
        ),
    )
    return [Violation(f"{place}.{field_name}", rule) for field_name, is_broken, rule in rules if is_broken]
