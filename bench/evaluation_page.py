"""The page of the evaluation: goals first, then what they rest on, what was held out, and what falls short."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.evaluation_alarms import WATCH, Alarms, TeamRate
from bench.evaluation_laws import TEAMS, WEEKS, LawScore
from bench.forecast_evaluation import TRAILING, Evaluation, LevelScore
from services.allocation.domain.backtest import Backtest, Result
from services.allocation.domain.backtest_comparison import Measure
from services.allocation.domain.backtest_interval import Estimate
from services.allocation.domain.demand_change import DemandChange
from services.allocation.domain.demand_forecast import USUAL_LEVELS

TEMPLATE = Path(__file__).with_name("evaluation_template.md")
_LENGTHS = {1: "weeks", 2: "fortnights"}
_LEVEL = 0.75


@dataclass(frozen=True, slots=True)
class Goal:
    """Something promised, what was found, and whether that keeps it."""

    text: str
    found: str
    kept: bool


@dataclass(frozen=True)
class Found:
    """Everything that was measured."""

    year: Mapping[int, Evaluation]  # by length of a period in weeks
    laws: tuple[LawScore, ...]
    years: int
    rates: tuple[TeamRate, ...]
    charts: tuple[DemandChange, ...]
    still: Alarms
    decisions: Backtest
    policies: tuple[str, ...]

    def goals(self) -> list[Goal]:
        """Returns what issue 6 asks of the real year by week, goal by goal."""
        weekly = self.year[1]
        middle = weekly.score(_LEVEL)
        goals = [
            Goal(
                f"the {each.level:g} quantile covers {100 * each.level:g} % ± 3 points of the weeks held out",
                f"{100 * each.coverage:.1f} %",
                abs(each.coverage - each.level) <= 0.03,
            )
            for each in weekly.scores
        ]
        ratio = middle.loss / middle.fixed_loss
        goals.append(Goal("pinball loss at .75 is at most 0.90 × that of a fixed third", f"{ratio:.3f} ×", ratio <= 0.9))
        trailing = middle.loss / middle.trailing_loss
        goals.append(Goal(f"and below that of the quantile of the last {TRAILING}", f"{trailing:.3f} ×", trailing < 1))
        told = f"{100 * self.still.share:.1f} % of charts within {WATCH.watched_periods} weeks, {100 * self.still.designed:.1f} % by design"
        goals.append(Goal("false alarms come no more often than designed", told, self.still.share <= self.still.designed))
        flips = {each.contender.key: each.pooled.flips for each in self.decisions.results if each.contender.key in self.policies}
        told = ", ".join(f"{flips[name]} under {name}" for name in self.policies)
        return [*goals, Goal("no decision falls back within its dwell", told, not any(flips.values()))]


def page(found: Found) -> str:
    """Returns the page as Markdown."""
    return TEMPLATE.read_text().format_map(_periods(found) | _alarms(found) | _tables(found) | _shortfalls(found))


def _periods(found: Found) -> dict[str, str]:
    weekly, fortnights = found.year[1], found.year[2]
    return {
        "teams": str(TEAMS),
        "weeks": str(WEEKS),
        "years": str(found.years),
        "warm_up": str(TRAILING),
        "weekly_count": str(weekly.forecast_count),
        "weekly_periods": str(weekly.period_count),
        "fortnightly_count": str(fortnights.forecast_count),
        "fortnightly_periods": str(fortnights.period_count),
    }


def _alarms(found: Found) -> dict[str, str]:
    clusterings = [each.clustering for each in found.rates]
    return {
        "rise": f"{WATCH.rise:g}",
        "run_length": f"{WATCH.run_length:g}",
        "watched": str(WATCH.watched_periods),
        "least_clustering": f"{min(clusterings):.1f}",
        "most_clustering": f"{max(clusterings):.1f}",
        "alarmed": str(found.still.alarmed),
        "charts": str(found.still.charts),
        "untold": str(found.still.cannot_tell),
        "alarm_share": f"{100 * found.still.share:.1f} %",
        "alarm_design": f"{100 * found.still.designed:.1f} %",
        "year_alarms": str(sum(each.alarm_period is not None for each in found.charts)),
        "year_charts": str(len(found.charts)),
    }


def _tables(found: Found) -> dict[str, str]:
    return {
        "goals": _table(("goal", "found", ""), [(each.text, each.found, "kept" if each.kept else "**missed**") for each in found.goals()]),
        "weekly": _levels(found.year[1]),
        "fortnightly": _levels(found.year[2]),
        "laws": _table(("law", "at .5", "at .75", "at .9", "one year", "loss over trailing 12"), [_law(each) for each in found.laws]),
        "decisions": _table(_DECIDED, [_decided(each) for each in found.decisions.results]),
        "comparisons": "\n".join(f"- {each.reason}" for each in found.decisions.comparisons if each.measure is Measure.LOSS),
    }


def _levels(of: Evaluation) -> str:
    columns = ("quantile", "coverage", "interval", "sufficed, of promised", "loss, h", "fixed third", "trailing 12")
    return _table((*columns, "less fixed third", "less trailing 12"), [_level(each) for each in of.scores])


def _level(each: LevelScore) -> Sequence[str]:
    return (
        f"{each.level:g}",
        f"{each.coverage:.3f}",
        _between(each.interval, 3),
        f"{each.kept:.3f} of {each.promised:.3f}",
        f"{each.loss:.2f}",
        f"{each.fixed_loss:.2f}",
        f"{each.trailing_loss:.2f}",
        f"{each.over_fixed.value:+.2f} ({_between(each.over_fixed)})",
        f"{each.over_trailing.value:+.2f} ({_between(each.over_trailing)})",
    )


def _law(each: LawScore) -> Sequence[str]:
    return (
        f"{each.law.name}, by {_LENGTHS[each.weeks]}",
        *(f"{mean:.3f} ± {error:.3f}" for mean, error in zip(each.coverage, each.error, strict=True)),
        " · ".join(f"{one:.3f}" for one in each.deviation),
        " · ".join(f"{one:.3f}" for one in each.over_trailing),
    )


_DECIDED = (
    "who decides",
    "share",
    "sufficed",
    "Kupiec p",
    "loss at .75, h",
    "backlog: mean, most, h",
    "roadmap, h",
    "changes, flips, rebounds",
    "raises nobody needed",
)


def _decided(each: Result) -> Sequence[str]:
    score = each.pooled
    return (
        each.contender.key,
        f"{100 * score.mean_share:.1f} %",
        f"{100 * score.coverage.covered.value:.1f} % ({_between(score.coverage.covered, 1, 100)})",
        f"{score.coverage.p_value:.2g}",
        f"{score.loss.value:.2f} ({_between(score.loss)})",
        f"{score.backlog_mean.value:.1f}, {score.backlog_most:.0f}",
        f"{score.roadmap_hours.value:.1f}",
        f"{score.changes}, {score.flips}, {score.rebounds}",
        f"{score.false_alarms} of {score.raises}",
    )


def _shortfalls(found: Found) -> dict[str, str]:
    over = found.year[1].score(_LEVEL).over_trailing
    fortnightly = max(abs(each.coverage - each.level) for each in found.year[2].scores)
    deviation = max(one for each in found.laws if each.weeks == 2 for one in each.deviation)
    drift = max(level - one for each in found.laws for one, level in zip(each.coverage, USUAL_LEVELS, strict=True))
    told = (
        f"- Against the trailing quantile the loss at .75 is lower by {-over.value:.2f} h a week, with an interval of {_between(over)}:\n"
        "  one year of seven teams cannot tell that from chance. On the drawn years, of which there are more, it is lower by each law.\n"
    )
    return {
        "trailing_shortfall": "" if over.is_below else told,
        "fortnightly_off": f"{100 * fortnightly:.1f}",
        "fortnightly_deviation": f"{100 * deviation:.1f}",
        "drift_off": f"{100 * drift:.1f}",
    }


def _between(of: Estimate, digits: int = 2, scale: float = 1.0) -> str:
    if of.low is None or of.high is None:
        return "cannot tell"
    return f"{scale * of.low:.{digits}f} to {scale * of.high:.{digits}f}"


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns), *("| " + " | ".join(row) + " |" for row in rows)]
    return "\n".join(lines)
