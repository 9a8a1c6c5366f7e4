"""Back-tests put together: from pasts and policies to scores, comparisons and what to keep in mind."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np

from services.allocation.domain.backtest_cells import Cells, Conduct, cells_of, conducts_of
from services.allocation.domain.backtest_cohort import Cohort, Floats, cohorts
from services.allocation.domain.backtest_comparison import Comparison, compared
from services.allocation.domain.backtest_effect import Effect, demand_effect, restore_effect
from services.allocation.domain.backtest_past import TeamPast
from services.allocation.domain.backtest_replay import BASELINES, RECORDED, Contender, ContenderKind, Replay
from services.allocation.domain.backtest_score import Score, score
from services.allocation.domain.demand_reserve import USUAL_LEVEL
from services.allocation.domain.policy import AllocationPolicy
from services.allocation.domain.quantity import counted, figure

USUAL_WARM_UP = 12
MOST_SHOWN = 20  # teams whose shares are returned


@dataclass(frozen=True, slots=True)
class Design:
    """How to test: with which policies, judged at which level, after how many periods that are only learned from."""

    policies: tuple[tuple[str, AllocationPolicy], ...]  # each under its key
    level: float | None = None
    warm_up: int = USUAL_WARM_UP
    with_teams: bool = False
    with_shares: bool = False

    @property
    def judged_level(self) -> float:
        """The level asked for, or that of the first policy with a reserve."""
        if self.level is not None:
            return self.level
        return next((each.reserve.promise.level for _, each in self.policies if each.reserve), USUAL_LEVEL)


@dataclass(frozen=True, slots=True)
class TeamResult:
    """How one contender did with one team."""

    team: str
    score: Score
    shares: tuple[float, ...]  # empty unless asked for


@dataclass(frozen=True, slots=True)
class Result:
    """How one contender did."""

    contender: Contender
    pooled: Score
    teams: tuple[TeamResult, ...]
    demand_effect: Effect
    restore_effect: Effect


@dataclass(frozen=True, slots=True)
class Backtest:
    """How all did."""

    results: tuple[Result, ...]
    comparisons: tuple[Comparison, ...]
    cells: Cells
    level: float
    warnings: tuple[str, ...]
    offsets: tuple[int, ...]  # of each team's numbers from those that people know

    @property
    def period_count(self) -> int:
        return int(np.bincount(self.cells.team).max())


def backtest(pasts: Sequence[TeamPast], design: Design) -> Generator[int, None, Backtest]:
    """Replays the pasts and scores what was set aside; yields the team-periods done since it last yielded, and returns the result.

    Each part takes well under a second, so that whoever runs it can stop between two. Pasts must have been checked.
    """
    level = design.judged_level
    has_recorded = all(all(share is not None for share in each.shares[design.warm_up :]) and each.shares for each in pasts)
    contenders = [*(Contender(key, ContenderKind.POLICY, each) for key, each in design.policies), *BASELINES]
    if has_recorded:
        contenders.append(RECORDED)
    replays = [Replay(Cohort.of([pasts[place] for place in places]), contenders, level) for places in cohorts(pasts)]
    for replay in replays:
        yield from replay.steps()
    cells = cells_of(replays, design.warm_up)
    conducts = {}
    for place in range(len(contenders)):
        conduct = conducts_of(replays, place, design.warm_up)
        if conduct.is_whole:
            conducts[place] = conduct
        yield 0
    results = []
    for place, conduct in conducts.items():
        results.append(_result(replays, (place, conduct), cells, design))
        yield 0
    comparisons = []
    for first, second in _pairs(contenders, list(conducts)):
        comparisons += compared((contenders[first].key, contenders[second].key), (conducts[first], conducts[second]), cells, level)
        yield 0
    warned = _warnings(pasts, design, [each.key for place, each in enumerate(contenders) if place not in conducts], cells)
    offsets = tuple(past.offset for replay in replays for past in replay.cohort.teams)
    return Backtest(tuple(results), tuple(comparisons), cells, level, warned, offsets)


def _result(replays: Sequence[Replay], of: tuple[int, Conduct], cells: Cells, design: Design) -> Result:
    place, conduct = of
    return Result(
        replays[0].contenders[place],
        score(cells, conduct, design.judged_level),
        _teams(cells, conduct, design) if design.with_teams or design.with_shares else (),
        demand_effect(replays, place),
        restore_effect(replays, place),
    )


def _teams(cells: Cells, conduct: Conduct, design: Design) -> tuple[TeamResult, ...]:
    found = []
    for place, team in enumerate(cells.teams):
        chosen = cells.of(place)
        shares: Floats = conduct.share[chosen] if design.with_shares and place < MOST_SHOWN else np.empty(0)
        found.append(TeamResult(team, score(cells, conduct, design.judged_level, chosen), tuple(shares.tolist())))
    return tuple(found)


def _pairs(contenders: Sequence[Contender], places: Sequence[int]) -> list[tuple[int, int]]:
    """Returns each policy beside every other contender once, and the forecast beside the baselines that need none."""
    policies = [place for place in places if contenders[place].policy]
    others = [place for place in places if not contenders[place].policy]
    pairs = [(first, second) for index, first in enumerate(policies) for second in (*policies[index + 1 :], *others)]
    forecast = [place for place in others if contenders[place].kind is ContenderKind.FORECAST]
    return pairs + [(first, second) for first in forecast for second in others if second != first]


def _warnings(pasts: Sequence[TeamPast], design: Design, lacking: Sequence[str], cells: Cells) -> tuple[str, ...]:
    found = [
        f"{key} could tell nothing in some periods after the warm-up, as no effort was known yet; it is left out. "
        "Give a longer warm_up_periods."
        for key in lacking
    ]
    for key, policy in design.policies:
        if policy.reserve and abs(policy.reserve.promise.level - design.judged_level) > 1e-6:
            promised, judged = figure(100 * policy.reserve.promise.level, 1), figure(100 * design.judged_level, 1)
            found.append(f"{key} promises {promised} % and is judged at {judged} %, as all are.")
    if not cells.has_worth:
        found.append("What an hour of roadmap work is worth is not known of every period, so hours are compared instead of value.")
    if len(pasts) == 1:
        found.append("There is one team, so what raises did cannot be told from what would have come anyway.")
    if not any(each.shares for each in pasts):
        found.append("The shares that were in force are not known, so they are not compared.")
    short = sum(len(each.capacities) - design.warm_up < 20 for each in pasts)
    if short:
        found.append(f"{counted(short, 'team')} with fewer than 20 periods judged: alone they tell little.")
    return tuple(found)
