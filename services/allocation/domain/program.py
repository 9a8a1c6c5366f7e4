"""The best plan, by integer programming: which items to finish when, proven optimal, by HiGHS.

Variables y[i, s] say that item i is done by the end of sprint s (Pritsker-style "by" variables, whose relaxation is tight for
precedence-constrained knapsacks). Maximise Σ value_i · (sprints from its end to the horizon's), subject to: once done stays done; the
hours of what is done by s fit the hours there are up to s; nothing is done before what it depends on; deadlines. Deadlines that cannot
all be kept are relaxed: as many protections as possible are kept, then as many due dates, and among the choices the most valuable.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version as version_of
from math import gcd

import highspy
import numpy as np

from services.allocation.domain.plan import Deadline, Plan, Problem, can_keep, earliest_sprints, latest_sprints

SOLVER = f"HiGHS {version_of('highspy')}"

# Up to this coefficient, value and nearness go into one objective exactly; beyond it doubles would blur the smaller: one after the other.
_LARGEST_COEFFICIENT = 10**8
# Nodes of the search × variables: bounds the time of a huge roadmap by something other than a clock, so that the answer stays the same.
_EFFORT = 60_000
_OPTIONS: dict[str, object] = {
    "output_flag": False,
    "threads": 1,
    "random_seed": 0,
    "mip_rel_gap": 0.0,
    "mip_abs_gap": 0.999,  # objectives are whole numbers: nearer than one is optimal
    # For instances of this size proving costs more than finding: measured two to four times faster without these.
    "mip_heuristic_effort": 0.0,
    "mip_detect_symmetry": False,
    "mip_heuristic_run_rins": False,
    "mip_heuristic_run_rens": False,
    "mip_heuristic_run_root_reduced_cost": False,
}


def best_plan(problem: Problem, deadlines: Sequence[Deadline], near: Plan | None = None) -> Plan:
    """Returns the most valuable plan; of several, the one nearest to `near`, or without it the one that finishes most work early.

    The same arguments give the same plan. Takes about 20 ms for 12 items and 50 ms for 20 over 6 sprints, and holds no lock meanwhile.
    """
    if not problem.items:
        return Plan(())
    program = _Program(problem)
    if can_keep(problem, deadlines):
        program.keep_all(deadlines)
    else:
        program.keep_most(deadlines)
    return program.solve(_values(problem), _nearness(problem, near))


def _values(problem: Problem) -> list[int]:
    """Returns each variable's value, in the largest unit in which all are whole."""
    unit = gcd(*(item.value for item in problem.items)) or 1
    return [item.value // unit for item in problem.items for _ in range(problem.horizon)]


def _nearness(problem: Problem, near: Plan | None) -> list[int]:
    """Returns +1 for each variable that is 1 in `near` and -1 for the others: the sum falls by one for each sprint an item moves."""
    if near is None:
        return [1] * (len(problem.items) * problem.horizon)
    return [1 if near.is_done_by(item, sprint) else -1 for item in range(len(problem.items)) for sprint in range(1, problem.horizon + 1)]


@dataclass(slots=True)
class _Rows:
    """Rows of a sparse matrix under construction, with their bounds."""

    starts: list[int] = field(default_factory=lambda: [0])
    columns: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    lower: list[float] = field(default_factory=list)
    upper: list[float] = field(default_factory=list)

    def add(self, columns: Sequence[int], values: Sequence[float], lower: float, upper: float) -> None:
        self.columns.extend(columns)
        self.values.extend(values)
        self.starts.append(len(self.columns))
        self.lower.append(lower)
        self.upper.append(upper)


class _Solver(highspy.Highs):  # type: ignore[misc]  # ships no types
    """HiGHS without its banner on standard output, which enabling callbacks prints; none are used here."""

    def enableCallbacks(self) -> None:  # noqa: N802 - the library's name
        self.setOptionValue("output_flag", False)


class _Program:
    """One integer programme: the variables y, then one more for each deadline that may be given up."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._size = len(problem.items) * problem.horizon
        self._lower = [0.0] * self._size
        self._upper = [1.0] * self._size
        self._rows = _Rows()
        self._known = [0] * self._size  # a solution: nothing is ever done
        self._add_rows()

    def keep_all(self, deadlines: Sequence[Deadline]) -> None:
        for item, latest in latest_sprints(self._problem, deadlines).items():
            for sprint in range(latest, self._problem.horizon + 1):
                self._lower[self._column(item, sprint)] = 1.0
                self._known[self._column(item, sprint)] = 1

    def keep_most(self, deadlines: Sequence[Deadline]) -> None:
        """Finds how many protections, then how many due dates, can be kept together, and asks for as many."""
        kept = [self._size + index for index in range(len(deadlines))]
        self._known += [0] * len(deadlines)
        for column, deadline in zip(kept, deadlines, strict=True):
            self._lower.append(0.0)
            self._upper.append(1.0)
            self._rows.add([column, self._column(deadline.item, deadline.sprint)], [1, -1], -highspy.kHighsInf, 0)
        protections = [column for column, deadline in zip(kept, deadlines, strict=True) if deadline.protects]
        dues = [column for column, deadline in zip(kept, deadlines, strict=True) if not deadline.protects]
        cost = [0] * self._size + [len(dues) + 1 if deadline.protects else 1 for deadline in deadlines]
        solution, _ = self._run(cost)
        for columns in (protections, dues):
            self._rows.add(columns, [1] * len(columns), sum(solution[column] for column in columns), highspy.kHighsInf)

    def solve(self, values: list[int], nearness: list[int]) -> Plan:
        """Maximises value first, then nearness."""
        scale = len(nearness) * 2 + 1  # more than nearness can differ by
        if max(values) * scale <= _LARGEST_COEFFICIENT:
            solution, gap = self._run([value * scale + near for value, near in zip(values, nearness, strict=True)])
            return self._plan(solution, gap)
        solution, gap = self._run(values)
        worth = _worth(values, solution)
        self._rows.add(range(self._size), values, worth, highspy.kHighsInf)
        nearer, _ = self._run(nearness)
        # A double cannot tell sums this large apart to the last unit: the second answer must not have cost anything.
        return self._plan(nearer if _worth(values, nearer) >= worth else solution, gap)

    def _column(self, item: int, sprint: int) -> int:
        return item * self._problem.horizon + sprint - 1

    def _add_rows(self) -> None:
        problem, rows, unbounded = self._problem, self._rows, -highspy.kHighsInf
        work = [float(item.remaining_hours) for item in problem.items]
        for index, earliest in enumerate(earliest_sprints(problem)):
            for sprint in range(1, earliest):
                self._upper[self._column(index, sprint)] = 0.0
            for sprint in range(2, problem.horizon + 1):
                rows.add([self._column(index, sprint - 1), self._column(index, sprint)], [1, -1], unbounded, 0)
        for sprint, limit in enumerate(problem.capacity, start=1):
            rows.add([self._column(index, sprint) for index in range(len(work))], work, unbounded, float(limit))
        for index, item in enumerate(problem.items):
            for dependency in item.dependencies:
                for sprint in range(1, problem.horizon + 1):
                    rows.add([self._column(index, sprint), self._column(dependency, sprint)], [1, -1], unbounded, 0)

    def _run(self, cost: Sequence[int]) -> tuple[list[int], float]:
        """Maximises `cost`; returns the variables and the proven gap. Starts from the solution known, so that there always is one."""
        solver = _Solver()
        for option, value in _OPTIONS.items():
            solver.setOptionValue(option, value)
        solver.setOptionValue("mip_max_nodes", max(_EFFORT // len(self._lower), 10))
        solver.passModel(self._model([*cost, *([0] * (len(self._lower) - len(cost)))]))
        start = highspy.HighsSolution()
        start.col_value = [float(value) for value in self._known]
        solver.setSolution(start)
        solver.run()
        self._known = [round(value) for value in solver.getSolution().col_value]
        if solver.getModelStatus() == highspy.HighsModelStatus.kOptimal:
            return self._known, 0.0
        return self._known, min(float(solver.getInfo().mip_gap), 1.0)

    def _model(self, cost: Sequence[int]) -> highspy.HighsLp:
        model, rows = highspy.HighsLp(), self._rows
        model.num_col_, model.num_row_ = len(cost), len(rows.lower)
        model.sense_ = highspy.ObjSense.kMaximize
        model.col_cost_ = np.array(cost, dtype=float)
        model.col_lower_, model.col_upper_ = np.array(self._lower), np.array(self._upper)
        model.integrality_ = [highspy.HighsVarType.kInteger] * len(cost)
        model.row_lower_, model.row_upper_ = np.array(rows.lower, dtype=float), np.array(rows.upper, dtype=float)
        model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        model.a_matrix_.start_, model.a_matrix_.index_ = np.array(rows.starts), np.array(rows.columns)
        model.a_matrix_.value_ = np.array(rows.values, dtype=float)
        return model

    def _plan(self, solution: Sequence[int], gap: float) -> Plan:
        horizon = self._problem.horizon
        done = [solution[item * horizon : (item + 1) * horizon] for item in range(len(self._problem.items))]
        return Plan(tuple(row.index(1) + 1 if 1 in row else None for row in done), gap)


def _worth(values: Sequence[int], solution: Sequence[int]) -> int:
    return sum(value * done for value, done in zip(values, solution, strict=False))
