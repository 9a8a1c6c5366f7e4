"""The example folder as a whole: read, and its files checked against each other."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from clients.cli.demo.cadence import Cadence
from clients.cli.demo.catalogue import (
    ComponentEntry,
    ComponentFile,
    ItemEntry,
    PolicyFile,
    RoadmapFile,
    TeamEntry,
    TeamFile,
)
from clients.cli.demo.errors import FileRefused
from clients.cli.demo.outage_file import Outage, read_outages
from clients.cli.demo.yaml_file import Sheet, read_sheet
from shared.errors import Violation


@dataclass(frozen=True, slots=True)
class Example:
    """A year to replay. Every id that one file takes from another exists there."""

    outages: tuple[Outage, ...]
    components: tuple[ComponentEntry, ...]
    teams: tuple[TeamEntry, ...]
    items: tuple[ItemEntry, ...]
    policy: PolicyFile
    cadence: Cadence

    @property
    def by_product(self) -> Mapping[str, ComponentEntry]:
        return {component.product: component for component in self.components}

    def components_of(self, outage: Outage) -> tuple[ComponentEntry, ...]:
        """Returns what it affects, in the order the status page names it."""
        by_product = self.by_product
        return tuple(by_product[product] for product in outage.products)

    def teams_of(self, outage: Outage) -> tuple[str, ...]:
        """Returns the ids of the teams that own what it affects, sorted."""
        return tuple(sorted({component.team for component in self.components_of(outage)}))


def read_example(folder: Path, sprints: int | None = None) -> Example:
    """Reads the folder; of its sprints the first `sprints`, or all. Raises FileRefused naming every rule broken."""
    outages = read_outages(folder / "incidents.csv")
    components = read_sheet(folder / "components.yaml", ComponentFile)
    teams = read_sheet(folder / "teams.yaml", TeamFile)
    roadmap = read_sheet(folder / "roadmap.yaml", RoadmapFile)
    policy = read_sheet(folder / "policy.yaml", PolicyFile)
    violations = [*_check_components(components, teams), *_check_roadmap(roadmap, teams), *_check_products(outages, components)]
    if violations:
        raise FileRefused(violations)
    team_file = teams.content
    count = min(sprints or team_file.sprint_count, team_file.sprint_count)
    cadence = Cadence(team_file.first_sprint_at.astimezone(UTC), team_file.sprint_length, count)
    replayed = tuple(outage for outage in outages if cadence.first_at <= outage.begin < cadence.end(cadence.count))
    return Example(replayed, components.content.components, team_file.teams, roadmap.content.items, policy.content, cadence)


def _check_components(sheet: Sheet[ComponentFile], teams: Sheet[TeamFile]) -> Iterator[Violation]:
    entries = sheet.content.components
    ids, team_ids = {entry.id for entry in entries}, {team.id for team in teams.content.teams}
    for index in _repeated(entry.product for entry in entries):
        yield sheet.violation(("components", index, "product"), "stands twice; give each product one component")
    yield from _check_references(sheet, "components", entries, (ids, team_ids))


def _check_roadmap(sheet: Sheet[RoadmapFile], teams: Sheet[TeamFile]) -> Iterator[Violation]:
    entries = sheet.content.items
    team_of = {entry.id: entry.team for entry in entries}
    yield from _check_references(sheet, "items", entries, (set(team_of), {team.id for team in teams.content.teams}))
    for index, entry in enumerate(entries):
        for position, needed in enumerate(entry.dependencies):
            if team_of.get(needed, entry.team) != entry.team:
                rule = f"{needed} belongs to team {team_of[needed]}, not {entry.team}; depend on items of the same team"
                yield sheet.violation(("items", index, "dependencies", position), rule)


def _check_references(
    sheet: Sheet[ComponentFile] | Sheet[RoadmapFile],
    collection: str,
    entries: Sequence[ComponentEntry | ItemEntry],
    known: tuple[set[str], set[str]],
) -> Iterator[Violation]:
    ids, team_ids = known
    for index in _repeated(entry.id for entry in entries):
        yield sheet.violation((collection, index, "id"), f"{entries[index].id} stands twice; give each its own id")
    for index, entry in enumerate(entries):
        if entry.team not in team_ids:
            yield sheet.violation((collection, index, "team"), f"{entry.team} is not in teams.yaml; add the team or name another")
        for position, needed in enumerate(entry.dependencies):
            if needed not in ids:
                rule = f"{needed} is not in this file; add it or remove it here"
                yield sheet.violation((collection, index, "dependencies", position), rule)
    cycle = _cycle({entry.id: entry.dependencies for entry in entries})
    if cycle:
        index = next(index for index, entry in enumerate(entries) if entry.id == cycle[0])
        yield sheet.violation((collection, index, "dependencies"), f"leads back to itself: {' → '.join(cycle)}; take one of them out")


def _check_products(outages: Iterable[Outage], sheet: Sheet[ComponentFile]) -> Iterator[Violation]:
    known = {entry.product for entry in sheet.content.components}
    for outage in outages:
        for product in outage.products:
            if product not in known:
                yield Violation(f"incidents.csv:{outage.line}: products", f"{product!r} is in no component; add it to {sheet.path.name}")


def _repeated(values: Iterable[str]) -> list[int]:
    """Returns the positions of values that stood before."""
    seen: Counter[str] = Counter()
    found = []
    for index, value in enumerate(values):
        if seen[value]:
            found.append(index)
        seen[value] += 1
    return found


def _cycle(dependencies: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    try:
        TopologicalSorter(dependencies).prepare()
    except CycleError as error:
        # The sorter tells the cycle from what is needed to what needs it.
        return tuple(reversed(error.args[1]))
    return ()
