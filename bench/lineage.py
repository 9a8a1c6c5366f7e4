"""Lineage: how long the walk from an alert to the KPIs it counts in takes, eight steps deep, among a million resources."""

import random
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from ballast.governance.v1 import governance_service_pb2 as pb
from ballast.governance.v1.governance_service_pb2_grpc import GovernanceServiceStub

from bench.databases import vacuum
from bench.figures import tail
from bench.governance import SCHEMA, running_governance
from bench.ground import Ground
from bench.report import Section
from shared.embedded import Engines
from shared.rpc.client import connect
from shared.storage.database import connect_raw

if TYPE_CHECKING:  # the async stubs exist for the type checker only
    from ballast.governance.v1.governance_service_pb2_grpc import GovernanceServiceAsyncStub

_NAME = "lineage"
_SEED_SECONDS = 600
DEPTH = 8
# For each story: four alerts, one resource of seven kinds; components, items, KPI values and one policy are shared, as they are in life.
_PER_STORY = 11
_SHARED = {"components": 1_000, "roadmapItems": 10_000, "kpiValues": 1_000}
_KINDS = {
    "incidents": "incident",
    "assessments": "assessment",
    "decisions": "decision",
    "bundles": "bundle",
    "changes": "change",
    "deploys": "deploy",
    "cdEvents": "event",
    "components": "component",
    "roadmapItems": "roadmap_item",
    "kpiValues": "kpi_value",
}
_NODES = """
    insert into lineage_node (name, kind, title, title_version, is_known)
    select $1 || '/' || number, $2, $2 || ' ' || number, 1, true from generate_series(0, $3 - 1) number
"""
_EDGES = """
    insert into lineage_edge (from_name, to_name, relation, attributes, trace_id, ledger_sequence, create_time)
    select {begin}, {end}, '{relation}', '{{}}', '4bf92f3577b34da6a3ce929d0e0e4736', number, timestamptz '2026-03-02T12:00Z'
    from generate_series(0, $1 - 1) number cross join generate_series(0, {each} - 1) turn
    on conflict do nothing
"""
# Where a story leads: from, relation, to, and how often for each; `n` is the story's number, `turn` counts up.
_LEADS = (
    ("'alerts/' || (number * 4 + turn)", "GROUPED_INTO", "'incidents/' || number", 4),
    ("'incidents/' || number", "AFFECTS", "'components/' || (number * 7 + turn) % 1000", 2),
    ("'incidents/' || number", "MEASURED_IN", "'kpiValues/' || number % 1000", 1),
    ("'incidents/' || number", "ASSESSED_BY", "'assessments/' || number", 1),
    ("'assessments/' || number", "WEIGHED_IN", "'decisions/' || (number + turn) % $1", 5),
    ("'allocationPolicies/default@1'", "GOVERNS", "'decisions/' || number", 1),
    ("'decisions/' || number", "DISPLACES", "'roadmapItems/' || (number * 13 + turn) % 10000", 3),
    ("'decisions/' || number", "RENDERED_AS", "'bundles/' || number", 1),
    ("'bundles/' || number", "RELATED", "'changes/' || number", 1),
    ("'changes/' || number", "CHANGED", "'components/' || number * 7 % 1000", 1),
    ("'changes/' || number", "DELIVERED_IN", "'deploys/' || number", 1),
    ("'deploys/' || number", "FOLLOWED_BY", "'cdEvents/' || number", 1),
    ("'cdEvents/' || number", "MEASURED_IN", "'kpiValues/' || number * 3 % 1000", 1),
)
# One change in five led to another incident.
_CAUSED = "'changes/' || number * 5", "CAUSED", "'incidents/' || (number * 5 + 777) % ($1 * 5)", 1


async def lineage(ground: Ground) -> Section:
    """Fills the lineage by SQL, and walks from alerts chosen at random."""
    stories = max(10, ground.sizes.lineage_nodes // _PER_STORY)
    async with AsyncExitStack() as stack:
        governance = await stack.enter_async_context(running_governance(ground.engines, _NAME, ground.directory))
        nodes, edges = await _filled(ground, stories)
        await vacuum(ground.engines, _NAME)
        channel = connect(governance.said)
        stack.push_async_callback(channel.close)
        seconds, sizes = await _walked(ground, GovernanceServiceStub(channel.grpc), stories)
    walked = tail(seconds)
    middle, most = sorted(sizes)[len(sizes) // 2], max(sizes)
    rows = [
        (f"alert to KPIs, {DEPTH} steps, {middle} resources (at most {most}) an answer", *walked.cells()),
    ]
    data: dict[str, Any] = {"walk_seconds": walked, "nodes": nodes, "edges": edges, "answer": {"median": middle, "most": most}}
    title = f"Lineage among {nodes:,} resources and {edges:,} edges, {walked.count:,} walks"
    return Section(title, ("", "p50", "p99", "slowest"), rows, data, [])


async def _filled(ground: Ground, stories: int) -> tuple[int, int]:
    """Returns how many nodes and edges there are."""
    connection = await _connection(ground.engines)
    try:
        counts = {collection: _SHARED.get(collection, stories) for collection in _KINDS} | {"alerts": stories * 4}
        for collection, count in counts.items():
            ground.progress(f"lineage: {count:,} {collection}")
            await connection.execute(_NODES, collection, _KINDS.get(collection, "alert"), count, timeout=_SEED_SECONDS)
        await connection.execute(
            "insert into lineage_node (name, kind, title, title_version, is_known) "
            "values ('allocationPolicies/default@1', 'policy_version', '', 1, true)"
        )
        for begin, relation, end, each in (*_LEADS, _CAUSED):
            ground.progress(f"lineage: edges {relation}")
            count = stories // 5 if relation == "CAUSED" else stories
            statement = _EDGES.format(begin=begin, end=end, relation=relation, each=each)
            await connection.execute(statement, count, timeout=_SEED_SECONDS)
        found = await connection.fetchrow(
            "select (select count(*) from lineage_node) as nodes, (select count(*) from lineage_edge) as edges", timeout=_SEED_SECONDS
        )
    finally:
        await connection.close()
    assert found is not None
    return found["nodes"], found["edges"]


async def _connection(engines: Engines) -> Any:
    return await connect_raw(engines.database_url_for(_NAME), SCHEMA)


async def _walked(ground: Ground, governance: "GovernanceServiceAsyncStub", stories: int) -> tuple[list[float], list[int]]:
    """Returns how long each walk took, and how many resources it found. Raises RuntimeError where one finds no KPI at the far end."""
    chosen = random.Random(7)
    seconds: list[float] = []
    sizes: list[int] = []
    for number in range(-20, ground.sizes.lineage_walks):  # the first do not count
        ground.progress(f"lineage: walk {number + 1} of {ground.sizes.lineage_walks}")
        request = pb.TraceLineageRequest(
            name=f"alerts/{chosen.randrange(stories * 4)}", direction=pb.LINEAGE_DIRECTION_DOWNSTREAM, max_depth=DEPTH
        )
        begin = time.perf_counter()
        answer = await governance.TraceLineage(request)
        if number >= 0:
            seconds.append(time.perf_counter() - begin)
            sizes.append(len(answer.nodes))
        if not any(node.kind == "kpi_value" and node.depth == DEPTH for node in answer.nodes):
            raise RuntimeError(f"from {request.name} no KPI is found {DEPTH} steps on: {len(answer.nodes)} resources")
    return seconds, sizes
