"""The best plan, by integer programming: which items to finish when, proven optimal, by HiGHS.

Variables y[i, s] say that item i is done by the end of sprint s (Pritsker-style "by" variables, whose relaxation is tight for
precedence-constrained knapsacks). Maximise Σ value_i · (sprints from its end to the horizon's), subject to: once done stays done; the
hours of what is done by s fit the hours there are up to s; nothing is done before what it depends on; deadlines. Deadlines that cannot
all be kept are relaxed: as many protections as possible are kept, then as many due dates, and among the choices the most valuable.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from importlib.metadata import version as version_of
from math import gcd

import highspy
import numpy as np

from services.allocation.domain.matrix import Floats, Matrix, Rows
from services.allocation.domain.partition import parts_of, whole_plan
from services.allocation.domain.plan import (
    Deadline,
    Overload,
    Plan,
    Problem,
    can_keep,
    earliest_sprints,
    first_overload,
    latest_sprints,
)
from services.allocation.domain.relaxation import MOST_ROUNDS, MOST_SEARCHED, Items, Relaxation, Search
from services.allocation.domain.schedule import SerialSchedule
from services.allocation.domain.staffing import room

SOLVER = f"HiGHS {version_of('highspy')}"

# Up to this coefficient, value and nearness go into one objective exactly; beyond it doubles would blur the smaller: one after the other.
_LARGEST_COEFFICIENT = 10**8
# Nodes of the search × variables: bounds the time of a huge roadmap by something other than a clock, so that the answer stays the same.
_EFFORT = 200_000
# Variables from which on the relaxation costs less than it saves.
_WORTH_RELAXING = 60
_WIDTHS = (100, 300, 1_000)  # of the enumerations, one after the other
_EXACT = 2.0**50
_TOLERANCE = 0.5  # objectives are whole numbers
_NONE = Decimal(0)
_OPTIONS: dict[str, object] = {
    "output_flag": False,
    "threads": 1,
    "random_seed": 0,
    "mip_rel_gap": 0.0,
    "mip_abs_gap": 0.999,  # objectives are whole numbers: nearer than one is optimal
    # For instances of this size proving costs more than finding: measured two to four times faster without these.
    "mip_heuristic_effort": 0.0,
    "mip_allow_restart": False,
    "mip_detect_symmetry": False,
    "mip_heuristic_run_rins": False,
    "mip_heuristic_run_rens": False,
    "mip_heuristic_run_root_reduced_cost": False,
}


def best_plan(problem: Problem, deadlines: Sequence[Deadline], near: Plan | None = None, *, quick: bool = False) -> Plan:
    """Returns the most valuable plan; of several, the one nearest to `near`, or without it the one that finishes most work early.

    The same arguments give the same plan. For 40 items over 6 sprints it takes 18 ms in the median and 0.1 s in the mean. `quick` spends a
    fixed effort without the branch and bound at the end, which the hardest third of such roadmaps needs for its proof: 22 ms in the mean
    and at most some 50; what is not proven then has its gap.
    """
    if not problem.items:
        return Plan(())
    parts = parts_of(problem)
    plans = [_best(part.problem, part.deadlines(deadlines), part.plan(near), quick=quick) for part in parts]
    return whole_plan(problem, parts, plans)


def _best(problem: Problem, deadlines: Sequence[Deadline], near: Plan | None, *, quick: bool) -> Plan:
    program = _Program(problem, quick=quick)
    if can_keep(problem, deadlines):
        program.keep_all(deadlines)
    else:
        program.keep_most(deadlines)
    return program.solve(_values(problem), _nearness(problem, near))


def _values(problem: Problem) -> list[int]:
    """Returns each variable's value, in the largest unit in which all are whole."""
    unit = gcd(*(item.gain(sprint) for item in problem.items for sprint in range(1, problem.horizon + 1))) or 1
    return [item.gain(sprint) // unit for item in problem.items for sprint in range(1, problem.horizon + 1)]


def _nearness(problem: Problem, near: Plan | None) -> list[int]:
    """Returns +1 for each variable that is 1 in `near` and -1 for the others: the sum falls by one for each sprint an item moves."""
    if near is None:
        return [1] * (len(problem.items) * problem.horizon)
    return [1 if near.is_done_by(item, sprint) else -1 for item in range(len(problem.items)) for sprint in range(1, problem.horizon + 1)]


class _Solver(highspy.Highs):  # type: ignore[misc]  # ships no types
    """HiGHS without its banner on standard output, which enabling callbacks prints; none are used here."""

    def enableCallbacks(self) -> None:  # noqa: N802 - the library's name
        self.setOptionValue("output_flag", False)


class _Program:
    """One integer programme: the variables y, then one more for each deadline that may be given up."""

    def __init__(self, problem: Problem, *, quick: bool) -> None:
        self._problem = problem
        self._quick = quick
        self._size = len(problem.items) * problem.horizon
        self._lower = [0.0] * self._size
        self._upper = [1.0] * self._size
        self._rows = Rows()
        self._known = [0.0] * self._size  # a solution: nothing is ever done
        self._latest: dict[int, int] = {}  # the sprints by which the deadlines kept in the known solution bind items
        self._edges: dict[tuple[int, int], slice] = {}
        self._hours: list[int] = []
        self._add_rows()

    def keep_all(self, deadlines: Sequence[Deadline]) -> None:
        self._latest = latest_sprints(self._problem, deadlines)
        for item, latest in self._latest.items():
            for sprint in range(latest, self._problem.horizon + 1):
                self._lower[self._column(item, sprint)] = 1.0
                self._known[self._column(item, sprint)] = 1.0

    def keep_most(self, deadlines: Sequence[Deadline]) -> None:
        """Finds how many protections, then how many due dates, can be kept together, and asks for as many."""
        kept = [self._size + index for index in range(len(deadlines))]
        self._known += [0.0] * len(deadlines)
        for column, deadline in zip(kept, deadlines, strict=True):
            self._lower.append(0.0)
            self._upper.append(1.0)
            self._rows.orders(column, self._column(deadline.item, deadline.sprint))
        protections = [column for column, deadline in zip(kept, deadlines, strict=True) if deadline.protects]
        dues = [column for column, deadline in zip(kept, deadlines, strict=True) if not deadline.protects]
        cost = [0] * self._size + [len(dues) + 1 if deadline.protects else 1 for deadline in deadlines]
        solution, _ = self._finish(self._search(), np.array(cost, dtype=float))
        self._known = solution
        for columns in (protections, dues):
            self._rows.add(columns, [-1.0] * len(columns), -sum(solution[column] for column in columns))
        promised = [deadline for column, deadline in zip(kept, deadlines, strict=True) if solution[column] > 0]
        self._latest = latest_sprints(self._problem, promised)

    def solve(self, values: list[int], nearness: list[int]) -> Plan:
        """Maximises value first, then nearness."""
        scale = len(nearness) * 2 + 1  # more than nearness can differ by
        if max(values) * scale <= _LARGEST_COEFFICIENT:
            return self._plan(*self._run([value * scale + near for value, near in zip(values, nearness, strict=True)]))
        solution, gap = self._run(values)
        worth = _worth(values, solution)
        self._rows.add(range(self._size), [-value for value in values], -worth)
        self._known = solution
        if self._quick:
            return self._plan(solution, gap)
        nearer, _ = self._finish(self._search(), np.array(self._padded(nearness), dtype=float))
        # A double cannot tell sums this large apart to the last unit: the second answer must not have cost anything.
        return self._plan(nearer if _worth(values, nearer) >= worth else solution, gap)

    def _column(self, item: int, sprint: int) -> int:
        return item * self._problem.horizon + sprint - 1

    def _add_rows(self) -> None:
        problem, rows = self._problem, self._rows
        for index, earliest in enumerate(earliest_sprints(problem)):
            for sprint in range(1, earliest):
                self._upper[self._column(index, sprint)] = 0.0
            for sprint in range(2, problem.horizon + 1):
                rows.orders(self._column(index, sprint - 1), self._column(index, sprint))
        for position, crew in enumerate(problem.crews):
            for sprint, limit in enumerate(crew.capacity, start=1):
                self._hours.append(len(rows))
                self._add_hours(position, (("", sprint),), float(limit), whole=True)
            for skill in sorted({skill for item in problem.items if item.crew == position for skill, _ in item.skills}):
                for sprint in range(1, problem.horizon + 1):
                    self._add_hours(position, ((skill, sprint),), room(crew, ((skill, sprint),)) / 10**6)
        for index in range(len(problem.items)):
            for dependency in problem.items[index].dependencies:
                self._add_order(index, dependency)

    def _add_order(self, item: int, dependency: int) -> None:
        begin = len(self._rows)
        for sprint in range(1, self._problem.horizon + 1):
            before = self._problem.needed_by(item, sprint, dependency)
            if before:
                self._rows.orders(self._column(item, sprint), self._column(dependency, before))
            else:
                self._upper[self._column(item, sprint)] = 0.0
        self._edges[item, dependency] = slice(begin, len(self._rows))

    def _add_hours(self, crew: int, chosen: Sequence[tuple[str, int]], limit: float, *, whole: bool = False) -> None:
        """Adds that the hours of the chosen skills, each up to its sprint, are no more than there are; `whole` means of all work."""
        row: dict[int, float] = {}  # an item's hours of several skills may be due in the same sprint: a column may stand in a row only once
        for skill, sprint in chosen:
            for index, item in enumerate(self._problem.items):
                skilled = dict(item.skills)
                own = (
                    item.remaining_hours
                    if whole
                    else skilled.get(skill, _NONE)
                    if skill
                    else item.remaining_hours - sum(skilled.values(), _NONE)
                )
                if item.crew == crew and own:
                    column = self._column(index, sprint)
                    row[column] = row.get(column, 0.0) + float(own)
        self._rows.add(list(row), list(row.values()), limit)

    def _search(self) -> Search:
        known = np.array(self._known, dtype=float)
        return Search(np.array(self._lower), np.array(self._upper), known, -float("inf"))

    def _run(self, values: Sequence[int]) -> tuple[list[float], float]:
        """Maximises `values`; returns the variables and the proven gap. People with several skills are counted exactly by cuts."""
        while True:
            solution, gap = self._optimise(np.array(self._padded(values), dtype=float))
            cut = self._overload(solution)
            if cut is None:
                return solution, gap
            self._add_hours(cut.crew, cut.chosen, float(cut.available_hours))

    def _overload(self, solution: Sequence[float]) -> Overload | None:
        if not any(item.skills for item in self._problem.items):
            return None
        plan = self._plan(solution, 0.0)
        return first_overload(self._problem, {item: sprint for item, sprint in enumerate(plan.finish) if sprint})

    def _padded(self, cost: Sequence[int]) -> list[int]:
        return [*cost, *([0] * (len(self._lower) - len(cost)))]

    def _optimise(self, cost: Floats) -> tuple[list[float], float]:
        """Settles what the relaxation settles, and leaves the rest to branch and bound."""
        search = self._search()
        search.value = float(cost @ search.solution)
        # Small programmes are solved at once; and sums beyond 2⁵³ are not whole numbers in a double, so nothing could be settled.
        if self._size >= _WORTH_RELAXING and float(cost.sum()) < _EXACT:
            matrix = Matrix(self._rows, len(cost))
            start = self._linear(matrix, cost)
            relaxation = Relaxation(matrix, cost, self._items(), self._edges, self._hours)
            serial = SerialSchedule(self._problem, self._latest)
            widths = self._widths(cost)
            rounds = len(widths) if self._quick and widths else MOST_ROUNDS
            relaxation.narrow(search, start, serial, *((widths, rounds) if len(self._problem.crews) == 1 else ((), MOST_ROUNDS)))
            if search.is_proven or not search.free:
                return search.solution.tolist(), 0.0
            if search.free > MOST_SEARCHED:
                return self._by_team(search, cost, lambda part: relaxation.narrow(part, start, serial, widths, rounds))
        return self._ended(search, cost)

    def _widths(self, cost: Floats) -> Sequence[int]:
        """Returns how wide to enumerate plans: not where something else than hours and dependencies binds the items."""
        bound = len(cost) > self._size or any(item.skills for item in self._problem.items)
        return () if bound else _WIDTHS[:2] if self._quick else _WIDTHS

    def _ended(self, search: Search, cost: Floats) -> tuple[list[float], float]:
        if self._quick and self._size >= _WORTH_RELAXING and search.bound < float("inf"):
            return search.solution.tolist(), (search.bound - search.value) / max(abs(search.value), 1.0)
        return self._finish(search, cost)

    def _by_team(self, search: Search, cost: Floats, narrow: Callable[[Search], None]) -> tuple[list[float], float]:
        """Improves the plan of one team after the other, each to its optimum beside the others' plans; the bound is the whole one's."""
        crews = np.repeat([item.crew for item in self._problem.items], self._problem.horizon)
        for crew in range(len(self._problem.crews)):
            own = np.append(crews == crew, np.zeros(len(cost) - self._size, dtype=bool))
            lower, upper = (np.where(own, limits, search.solution) for limits in (search.lower, search.upper))
            part = Search(lower, upper, search.solution, search.value)
            narrow(part)
            found = part.solution.tolist() if part.is_proven or not part.free else self._ended(part, cost)[0]
            search.solution = np.array(found)
            search.value = float(cost @ search.solution)
        return search.solution.tolist(), (search.bound - search.value) / max(abs(search.value), 1.0)

    def _items(self) -> Items:
        items = self._problem.items
        own = [[other for other in item.dependencies if items[other].crew == item.crew] for item in items]
        limits = [[int(limit * 10**6) for limit in crew.capacity] for crew in self._problem.crews]
        return Items([item.crew for item in items], [int(item.remaining_hours * 10**6) for item in items], own, limits)

    def _linear(self, matrix: Matrix, cost: Floats) -> tuple[Floats, Floats]:
        """Returns the duals of the rows and the variables of the linear relaxation."""
        solver = self._solver(matrix, cost, np.array(self._lower), np.array(self._upper), whole=False)
        solver.run()
        solution = solver.getSolution()
        duals = np.array(solution.row_dual)
        return duals if duals.sum() >= 0 else -duals, np.array(solution.col_value)

    def _finish(self, search: Search, cost: Floats) -> tuple[list[float], float]:
        """Returns the best of what is left, by branch and bound from the solution known."""
        solver = self._solver(Matrix(self._rows, len(cost)), cost, search.lower, search.upper, whole=True)
        solver.setOptionValue("mip_max_nodes", max(_EFFORT // max(search.free, 1), 10))
        start = highspy.HighsSolution()
        start.col_value = search.solution.tolist()
        solver.setSolution(start)
        found = _solved(solver)
        # HiGHS 1.16 maps a start into its presolved space, where dominated columns make it better than it is, and then answers the start
        # itself with the better value: seen with due dates relaxed. What it finds without a start is right.
        if solver.getModelStatus() == highspy.HighsModelStatus.kInfeasible:  # what was settled leaves out all that is not better
            return search.solution.tolist(), 0.0
        if abs(float(cost @ found) - solver.getInfo().objective_function_value) > _TOLERANCE:
            solver.clearSolver()
            found = _solved(solver)
        value = float(cost @ found) if len(found) else -float("inf")
        bound = min(search.bound, max(value, float(solver.getInfo().mip_dual_bound)))
        if search.value > value or not len(found):
            found, value = search.solution, search.value
        gap = 0.0 if solver.getModelStatus() == highspy.HighsModelStatus.kOptimal else (bound - value) / max(abs(value), 1.0)
        return found.tolist(), max(min(gap, 1.0), 0.0)

    def _solver(self, matrix: Matrix, cost: Floats, lower: Floats, upper: Floats, *, whole: bool) -> _Solver:
        solver = _Solver()
        for option, value in _OPTIONS.items():
            solver.setOptionValue(option, value)
        model = highspy.HighsLp()
        model.num_col_, model.num_row_ = len(cost), len(matrix.limits)
        model.sense_ = highspy.ObjSense.kMaximize
        model.col_cost_, model.col_lower_, model.col_upper_ = cost, lower, upper
        if whole:
            model.integrality_ = [highspy.HighsVarType.kInteger] * len(cost)
        model.row_lower_, model.row_upper_ = np.full(len(matrix.limits), -highspy.kHighsInf), matrix.limits
        model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        model.a_matrix_.start_, model.a_matrix_.index_, model.a_matrix_.value_ = matrix.starts, matrix.columns, matrix.values
        solver.passModel(model)
        return solver

    def _plan(self, solution: Sequence[float], gap: float) -> Plan:
        horizon = self._problem.horizon
        done = [list(solution[item * horizon : (item + 1) * horizon]) for item in range(len(self._problem.items))]
        return Plan(tuple(row.index(1) + 1 if 1 in row else None for row in done), gap)


def _solved(solver: _Solver) -> Floats:
    solver.run()
    return np.round(np.array(solver.getSolution().col_value))


def _worth(values: Sequence[int], solution: Sequence[float]) -> int:
    return sum(value * int(done) for value, done in zip(values, solution, strict=False))
