"""The catalogue: how long an import of ten thousand entities takes, and how long the blast radius of one of them."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ballast.triage.v1 import catalogue_pb2
from ballast.triage.v1 import catalogue_service_pb2 as pb
from ballast.triage.v1.catalogue_service_pb2_grpc import CatalogueServiceStub

from bench.figures import Tail, milliseconds, tail
from bench.ground import Ground
from bench.report import Section
from bench.triage import running_triage
from shared.rpc.client import connect

if TYPE_CHECKING:  # the async stubs exist for the type checker only
    from ballast.triage.v1.catalogue_service_pb2_grpc import CatalogueServiceAsyncStub

EDGES_EACH = 5
_SUBSCRIBERS = ("intake", "governance")  # who is told of components besides triage itself
_IMPORT_SECONDS = 600
_TIERS = ("critical", "high", "medium", "low")


@dataclass(frozen=True, slots=True)
class Landed:
    """How an import went."""

    seconds: float
    reading_seconds: float
    answers: int  # that told how far it was
    summary: pb.ImportSummary


async def catalogue(ground: Ground) -> Section:
    """Imports, imports the same again and with one change for each tenth, then asks for blast radii: of any component, and the largest."""
    count = ground.sizes.entities
    async with running_triage(ground.engines, "catalogue", ground.directory, subscribers=_SUBSCRIBERS) as address:
        channel = connect(address)
        try:
            rpc = CatalogueServiceStub(channel.grpc)
            first = await _land(rpc, entities(count), ground.progress, "import")
            again = await _land(rpc, entities(count), ground.progress, "import of the same")
            changed = await _land(rpc, entities(count, changed_each=10), ground.progress, "import with a tenth changed")
            chance = random.Random(2)  # the same questions on every run
            any_one = [f"components/c{chance.randrange(count):05}" for _ in range(ground.sizes.blasts)]
            anywhere = await _blasts(rpc, any_one, ground.progress)
            largest = await _blasts(rpc, ["components/c00000"] * ground.sizes.blasts, ground.progress)
        finally:
            await channel.close()
    return _section(
        count, {"new": first, "the same again": again, "a tenth changed": changed}, {"of any": anywhere, "of the most needed": largest}
    )


def entities(count: int, changed_each: int = 0) -> str:
    """Returns a catalogue file of components that each need five of those before them, the first ones most; every n-th is changed."""
    chance = random.Random(1)
    return "".join(_entity(number, chance, bool(changed_each) and number % changed_each == 0) for number in range(count))


def _entity(number: int, chance: random.Random, changed: bool) -> str:
    needs = sorted({int(number * chance.random() ** 2) for _ in range(EDGES_EACH)}) if number else []
    depends = "  dependsOn:\n" + "".join(f"    - component:default/c{need:05}\n" for need in needs) if needs else ""
    return (
        "---\napiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata:\n"
        f"  name: c{number:05}\n  title: Component {number}{' again' if changed else ''}\n  annotations:\n"
        f"    ballast.dev/tier: {_TIERS[number % 4]}\n    ballast.dev/revenue-per-minute: {number % 90} USD\n"
        f"    ballast.dev/users: '{number}'\nspec:\n  type: service\n  lifecycle: production\n"
        f"  owner: group:default/team-{number % 300}\n  system: s{number % 50}\n{depends}"
    )


async def _land(rpc: "CatalogueServiceAsyncStub", text: str, progress: Callable[[str], None], name: str) -> Landed:
    request = pb.ImportCatalogueRequest(files=[catalogue_pb2.CatalogueFile(name="bench.yaml", yaml=text)])
    begin, answers, reading = time.perf_counter(), 0, 0.0
    last = pb.ImportCatalogueResponse()
    async for last in rpc.ImportCatalogue(request, timeout=_IMPORT_SECONDS):
        at, answers = last.progress, answers + 1
        if at.phase == pb.IMPORT_PHASE_READING:
            reading = time.perf_counter() - begin
        progress(f"catalogue: {name}: {pb.ImportPhase.Name(at.phase).rpartition('_')[2].lower()} {at.done_count:,} of {at.total_count:,}")
    if last.summary.refused_count:
        raise RuntimeError(f"{last.summary.refused_count} documents were refused: {last.summary.refusals[0]}")
    return Landed(time.perf_counter() - begin, reading, answers, last.summary)


async def _blasts(rpc: "CatalogueServiceAsyncStub", names: list[str], progress: Callable[[str], None]) -> tuple[Tail, int]:
    """Returns how long a page of 50 with all the sums takes, and the most dependents there were."""
    seconds, most = [], 0
    await rpc.GetBlastRadius(pb.GetBlastRadiusRequest(name=names[0]))  # the graph is read after a change once, not for each call
    for number, name in enumerate(names):
        if number % 100 == 0:
            progress(f"catalogue: blast radius {number} of {len(names)}")
        begin = time.perf_counter()
        answer = await rpc.GetBlastRadius(pb.GetBlastRadiusRequest(name=name))
        seconds.append(time.perf_counter() - begin)
        most = max(most, answer.extent.dependent_count)
    return tail(seconds), most


def _section(count: int, imports: dict[str, Landed], blasts: dict[str, tuple[Tail, int]]) -> Section:
    rows = [
        (f"import, {name}", f"{each.seconds:.1f} s", f"{each.reading_seconds:.1f} s", f"{count / each.seconds:,.0f}/s", f"{each.answers}")
        for name, each in imports.items()
    ]
    rows += [
        (f"blast radius {name}", milliseconds(found.p50), milliseconds(found.p99), f"{most:,}", f"{found.count}")
        for name, (found, most) in blasts.items()
    ]
    data = {name: {"seconds": each.seconds, "reading_seconds": each.reading_seconds} for name, each in imports.items()}
    data |= {f"blast radius {name}": {"seconds": found, "most_dependents": most} for name, (found, most) in blasts.items()}  # type: ignore[dict-item]
    return Section(
        f"Catalogue of {count:,} components that each need {EDGES_EACH} others",
        ("", "whole / p50", "reading / p99", "entities / dependents at most", "answers / calls"),
        rows,
        data,
    )
