"""The walk in the database beside one that a reader can check: random graphs, both ways, filtered and in pages."""

import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from ballast.governance.v1 import governance_service_pb2 as pb
from ballast.governance.v1 import lineage_pb2

from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.storage.database import connect_raw
from tests.conftest import START
from tests.support.governance import Governance, governing

KINDS = ("incident", "component", "decision")
RELATIONS = ("CAUSED", "AFFECTS", "RELATED")
WAYS = (pb.LINEAGE_DIRECTION_DOWNSTREAM, pb.LINEAGE_DIRECTION_UPSTREAM, pb.LINEAGE_DIRECTION_BOTH)


@dataclass(frozen=True, slots=True)
class Line:
    """An edge of a random graph."""

    begin: str
    end: str
    relation: str
    confidence: float
    standing: str


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes with their kinds, and edges; cycles and edges side by side are usual."""

    kinds: dict[str, str]
    lines: tuple[Line, ...]

    def walk(self, request: pb.TraceLineageRequest) -> dict[str, int]:
        """Returns depths by name, as anyone would find them step by step."""
        found, frontier = {request.name: 0}, [request.name]
        for depth in range(1, request.max_depth + 1):
            beside = {name for line in self.open(request) for name in self._across(line, frontier, request.direction)}
            frontier = [name for name in beside if name not in found and (not request.kinds or self.kinds[name] in request.kinds)]
            found |= dict.fromkeys(frontier, depth)
        return found

    def open(self, request: pb.TraceLineageRequest) -> list[Line]:
        chosen = {lineage_pb2.LineageRelation.Name(each).removeprefix("LINEAGE_RELATION_") for each in request.relations}
        return [
            line
            for line in self.lines
            if line.confidence >= request.least_confidence
            and (request.include_denied or line.standing != "DENIED")
            and (not chosen or line.relation in chosen)
        ]

    @staticmethod
    def _across(line: Line, frontier: Sequence[str], direction: int) -> list[str]:
        forth = [line.end] if line.begin in frontier and direction != pb.LINEAGE_DIRECTION_UPSTREAM else []
        back = [line.begin] if line.end in frontier and direction != pb.LINEAGE_DIRECTION_DOWNSTREAM else []
        return forth + back


def random_graph(seed: int) -> Graph:
    chosen = random.Random(seed)
    kinds = {f"cdEvents/{seed}-{number:02}": chosen.choice(KINDS) for number in range(14)}
    names = list(kinds)
    lines = {
        (begin, end, relation): Line(
            begin, end, relation, chosen.choice([0.2, 0.5, 1.0]), chosen.choice(["UNJUDGED", "UNJUDGED", "CONFIRMED", "DENIED"])
        )
        for _ in range(24)
        for begin, end, relation in [(chosen.choice(names), chosen.choice(names), chosen.choice(RELATIONS))]
        if begin != end
    }
    return Graph(kinds, tuple(lines.values()))


def random_request(seed: int, graph: Graph) -> pb.TraceLineageRequest:
    chosen = random.Random(seed + 1000)
    return pb.TraceLineageRequest(
        name=chosen.choice(list(graph.kinds)),
        direction=WAYS[seed % 3],
        max_depth=chosen.randint(1, 6),
        kinds=chosen.sample(KINDS, 2) if chosen.random() < 0.3 else [],
        relations=[lineage_pb2.LineageRelation.Value(f"LINEAGE_RELATION_{each}") for each in RELATIONS[: chosen.choice([0, 0, 2])]],
        least_confidence=chosen.choice([0.0, 0.0, 0.4]),
        include_denied=chosen.random() < 0.3,
    )


@pytest.fixture(scope="module")
async def governance(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Governance]:
    async with governing(urls, engines, clock) as running:
        yield running


async def draw(graph: Graph, url: str) -> None:
    connection = await connect_raw(url, "governance")
    nodes = [(name, kind, "", 1, True) for name, kind in graph.kinds.items()]
    edges: list[tuple[Any, ...]] = [
        (line.begin, line.end, line.relation, "{}", "", number, START, line.confidence, line.standing)
        for number, line in enumerate(graph.lines, 1)
    ]
    try:
        await connection.copy_records_to_table(
            "lineage_node", records=nodes, columns=["name", "kind", "title", "title_version", "is_known"]
        )
        columns = ["from_name", "to_name", "relation", "attributes", "trace_id", "ledger_sequence", "create_time", "confidence", "standing"]
        await connection.copy_records_to_table("lineage_edge", records=edges, columns=columns)
    finally:
        await connection.close()


@pytest.mark.parametrize("seed", range(36))
async def test_the_walk_finds_what_a_walk_step_by_step_finds_whole_and_in_pages(
    governance: Governance, urls: dict[str, str], seed: int
) -> None:
    graph = random_graph(seed)
    await draw(graph, urls["governance"])
    request = random_request(seed, graph)
    expected = graph.walk(request)
    between = {(line.begin, line.end, line.relation) for line in graph.open(request) if line.begin in expected and line.end in expected}
    for size in (0, 1, 3):
        nodes, edges, token = [], [], ""
        while True:
            request.page_size, request.page_token = size, token
            page = await governance.rpc.TraceLineage(request)
            nodes += [(node.depth, node.name) for node in page.nodes]
            edges += [
                (edge.from_name, edge.to_name, lineage_pb2.LineageRelation.Name(edge.relation).removeprefix("LINEAGE_RELATION_"))
                for edge in page.edges
            ]
            token = page.next_page_token
            if not token:
                break
        assert nodes == sorted((depth, name) for name, depth in expected.items())
        assert set(edges) == between
        assert len(edges) == len(between)  # none on two pages
