"""Roadmap items: what a team builds, what must come before, and the rules a roadmap keeps."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import IntEnum

from services.allocation.domain.delay_cost import CostChange, cost_between
from services.allocation.domain.effort import Effort, check_effort
from services.allocation.domain.errors import CurrencyMismatch, DependencyCycle, DependencyUnknown, FieldRefused
from services.allocation.domain.sprint import check_calendar
from shared.money import Money

LARGEST_COST_PER_WEEK = 10**12  # leaves room to multiply by any delay exactly


class RoadmapStage(IntEnum):
    """Where an item stands; the numbers are the contract's."""

    PLANNED = 1
    DONE = 2
    DROPPED = 3
    IDEA = 4
    IN_PROGRESS = 5
    BEHIND_FLAG = 6


BUILT = frozenset({RoadmapStage.DONE, RoadmapStage.BEHIND_FLAG})  # they need no capacity, and what waits for them may go on
LEFT_OUT = frozenset({RoadmapStage.DROPPED, RoadmapStage.IDEA})  # nobody means to do them, or not yet: what waits for them is blocked


@dataclass(frozen=True, slots=True)
class ItemDetails:
    """What plans know of an item beyond the plain: nothing, for most."""

    effort: Effort | None = None
    cost_changes: tuple[CostChange, ...] = ()
    skills: tuple[tuple[str, Decimal], ...] = ()  # person-hours of the whole effort that need the skill
    cross_team_dependencies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RoadmapItem:
    """An item at one version; version 0 is one that was never stored."""

    name: str
    title: str
    team: str
    effort_hours: Decimal
    recorded_hours: Decimal
    cost_of_delay_per_week: Money
    dependencies: tuple[str, ...]
    due_at: datetime | None
    protected: bool
    stage: RoadmapStage
    version: int
    created_at: datetime
    updated_at: datetime
    details: ItemDetails = ItemDetails()

    @property
    def awaited(self) -> tuple[str, ...]:
        """All items that must be done first, of whatever team."""
        return (*self.dependencies, *self.details.cross_team_dependencies)

    def delay_cost(self, begin: datetime, end: datetime) -> Money:
        """Returns what waiting for it from `begin` to `end` costs."""
        cost = self.cost_of_delay_per_week
        return Money(cost_between(cost.amount, self.details.cost_changes, begin, end), cost.currency)

    @property
    def remaining_hours(self) -> Decimal:
        """Effort minus recorded work, at least zero."""
        return max(self.effort_hours - self.recorded_hours, Decimal(0))

    @property
    def is_done(self) -> bool:
        """Whether it needs no capacity any more and those that depend on it may go on."""
        return self.stage in BUILT or (self.stage not in LEFT_OUT and not self.remaining_hours)


def revise(sent: RoadmapItem, held: RoadmapItem | None, now: datetime) -> RoadmapItem:
    """Returns the item as it is to be stored: `held` itself when nothing changes, else its next version. Recorded work stays."""
    if held is None:
        return replace(sent, recorded_hours=Decimal(0), version=1, created_at=now, updated_at=now)
    kept = replace(sent, recorded_hours=held.recorded_hours, version=held.version, created_at=held.created_at, updated_at=held.updated_at)
    return held if kept == held else replace(kept, version=held.version + 1, updated_at=now)


def check_items(items: Sequence[RoadmapItem], held: Iterable[RoadmapItem]) -> None:
    """Refuses `items` if storing them over `held` breaks a rule of the roadmap.

    `held` is every stored item of their teams and every stored item of their names, and all that their cross-team dependencies wait for
    in turn. Raises DependencyUnknown, DependencyCycle, CurrencyMismatch or FieldRefused, naming the field.
    """
    before = {item.name: item for item in held}
    _check_each(items, before)
    after = before | {item.name: item for item in items}
    _check_dependencies(items, after)
    _check_cycles(items, after)
    _check_currencies(items, after.values())


def sift_items(items: Sequence[RoadmapItem], held: Iterable[RoadmapItem]) -> tuple[list[RoadmapItem], dict[str, str]]:
    """Returns those of the items that keep the rules, and why the others do not, by name; an item falls with what it waits for.

    `held` is as `check_items` needs it.
    """
    known, left, refused = list(held), list(items), dict[str, str]()
    before = {item.name for item in known}
    for item in items:
        try:
            _check_each([item], {each.name: each for each in known})
            _check_currencies([item], [*(each for each in known if each.name != item.name), item])
        except FieldRefused as error:
            refused[item.name] = error.message.removeprefix("items[0].")
    while True:
        left = [item for item in left if item.name not in refused]
        after = {item.name: item for item in (*known, *left)}
        lost = {
            item.name: f"waits for {name}, which {'is refused here' if name in refused else 'is neither stored nor in this file'}"
            for item in left
            for name in item.awaited
            if name not in after or (name in refused and name not in before)
        }
        if not lost:
            cycle = find_cycle({name: item.awaited for name, item in after.items()})
            lost = {
                name: f"leads back to itself: {' → '.join(cycle)}; take one of them out" for name in cycle if name in {i.name for i in left}
            }
        if not lost:
            return left, refused
        refused |= lost


def _check_each(items: Sequence[RoadmapItem], before: Mapping[str, RoadmapItem]) -> None:
    seen: dict[str, int] = {}
    for index, item in enumerate(items):
        field = f"items[{index}]"
        if item.name in seen:
            raise FieldRefused.at(f"{field}.name", f"repeats {item.name} of items[{seen[item.name]}]; name each item once")
        seen[item.name] = index
        if item.name in before and before[item.name].team != item.team:
            raise FieldRefused.at(f"{field}.team", f"{item.name} belongs to {before[item.name].team}; drop it there and make a new item")
        check_calendar(f"{field}.due_at", item.due_at)
        _check_cost(item.cost_of_delay_per_week, f"{field}.cost_of_delay_per_week")
        if not item.effort_hours:
            raise FieldRefused.at(f"{field}.effort_hours", "comes to zero at a millionth of an hour; send at least 0.000001")
        _check_details(item, field)


def _check_details(item: RoadmapItem, field: str) -> None:
    details = item.details
    check_effort(details.effort, f"{field}.effort_estimate")
    if sum((needed for _, needed in details.skills), Decimal(0)) > item.effort_hours:
        raise FieldRefused.at(
            f"{field}.skills", f"ask for more hours than the item's effort of {item.effort_hours}; raise effort_hours or lower them"
        )
    names = [skill for skill, _ in details.skills]
    if len(set(names)) < len(names):
        raise FieldRefused.at(f"{field}.skills", "name a skill twice; add its hours up")
    for index, (before, after) in enumerate(zip(details.cost_changes, details.cost_changes[1:], strict=False), start=1):
        if after.from_at <= before.from_at:
            raise FieldRefused.at(
                f"{field}.cost_of_delay_changes[{index}].from_at", "must be later than that of the change before; put them in order"
            )
    for index, change in enumerate(details.cost_changes):
        place = f"{field}.cost_of_delay_changes[{index}]"
        check_calendar(f"{place}.from_at", change.from_at)
        _check_cost(Money(change.per_week, item.cost_of_delay_per_week.currency), f"{place}.cost_per_week")


def _check_cost(cost: Money, field: str) -> None:
    if not 0 <= cost.amount <= LARGEST_COST_PER_WEEK:
        raise FieldRefused.at(field, f"must lie between 0 and {LARGEST_COST_PER_WEEK:,}; send zero when waiting costs nothing")
    if not (len(cost.currency) == 3 and cost.currency.isascii() and cost.currency.isupper()):
        raise FieldRefused.at(f"{field}.currency_code", f"{cost.currency!r} is no ISO 4217 code; send one such as USD")


def _check_dependencies(items: Sequence[RoadmapItem], after: Mapping[str, RoadmapItem]) -> None:
    for index, item in enumerate(items):
        for position, name in enumerate(item.dependencies):
            field = f"items[{index}].dependencies[{position}]"
            if name not in after:
                raise DependencyUnknown.at(
                    field, f"{item.team} has no item {name}, stored or in this request; store it first or with this one"
                )
            if after[name].team != item.team:
                told = f"{name} belongs to {after[name].team}; depend on items of {item.team}, or name it in cross_team_dependencies"
                raise DependencyUnknown.at(field, told)
        for position, name in enumerate(item.details.cross_team_dependencies):
            field = f"items[{index}].cross_team_dependencies[{position}]"
            if name not in after:
                raise DependencyUnknown.at(field, f"no team has an item {name}, stored or in this request; store it first or with this one")
            if after[name].team == item.team:
                raise DependencyUnknown.at(field, f"{name} belongs to {item.team} too; name it in dependencies")


def _check_cycles(items: Sequence[RoadmapItem], after: Mapping[str, RoadmapItem]) -> None:
    cycle = find_cycle({name: item.awaited for name, item in after.items()})
    if not cycle:
        return
    index = next(index for index, item in enumerate(items) if item.name in cycle)
    path = " → ".join(cycle)
    raise DependencyCycle.at(f"items[{index}].dependencies", f"leads back to itself: {path}; take one of them out", cycle=path)


def _check_currencies(items: Sequence[RoadmapItem], after: Iterable[RoadmapItem]) -> None:
    first: dict[str, RoadmapItem] = {}
    for item in sorted(after, key=lambda item: item.name):
        first.setdefault(item.team, item)
    for index, item in enumerate(items):
        wanted, found = first[item.team].cost_of_delay_per_week.currency, item.cost_of_delay_per_week.currency
        if found != wanted:
            raise CurrencyMismatch.at(
                f"items[{index}].cost_of_delay_per_week.currency_code",
                f"is {found}, and {first[item.team].name} of {item.team} is in {wanted}; use one currency for a team",
            )


def find_cycle(dependencies: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Returns one cycle, its first node again at the end, or nothing. The same graph gives the same cycle."""
    finished: set[str] = set()
    for start in sorted(dependencies):
        path: dict[str, None] = {}
        # An explicit stack: a chain of dependencies may be longer than Python's recursion allows.
        stack = [(start, iter(sorted(dependencies[start])))] if start not in finished else []
        path[start] = None
        while stack:
            node, rest = stack[-1]
            following = next((name for name in rest if name in dependencies and name not in finished), None)
            if following is None:
                stack.pop()
                path.pop(node)
                finished.add(node)
            elif following in path:
                names = list(path)
                return (*names[names.index(following) :], following)
            else:
                path[following] = None
                stack.append((following, iter(sorted(dependencies[following]))))
    return ()
