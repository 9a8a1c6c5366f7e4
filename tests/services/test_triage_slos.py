"""SLOs of a running triage: imported document by document, exported without loss, resolved anew when what they name changes."""

import asyncio
import contextvars
import os
import uuid
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ballast.events.v1.cloudevents_pb2 import CloudEvent
from ballast.triage.v1 import slo_document_pb2 as documents_pb
from ballast.triage.v1 import slo_service_pb2 as pb
from ballast.triage.v1 import triage_events_pb2
from ballast.triage.v1 import triage_service_pb2 as triage_pb
from ballast.triage.v1.component_pb2 import Component
from ballast.triage.v1.slo_pb2 import Slo
from ballast.triage.v1.slo_service_pb2_grpc import SloServiceStub
from ballast.triage.v1.triage_service_pb2_grpc import TriageServiceStub
from sqlalchemy import text

from services.triage.app import build
from services.triage.domain.openslo_tree import Tree, canonical, yaml_of
from services.triage.domain.slo_bundle import read_bundle
from services.triage.domain.slo_import import Occasion, plan_import
from services.triage.settings import TriageSettings
from services.triage.storage.slo_imports import SloImports
from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import Conflict, InvalidInput, NotFound
from tests.conftest import START
from tests.support.serving import Served, serving
from tests.support.slos import EXAMPLE_FILES, data_source, document, example, sli, slo

if TYPE_CHECKING:
    from ballast.triage.v1.slo_service_pb2_grpc import SloServiceAsyncStub  # exists for the type checker only

SERVICES = [pb.DESCRIPTOR.services_by_name["SloService"], triage_pb.DESCRIPTOR.services_by_name["TriageService"]]
FOLDER = os.environ.get("BALLAST_OPENSLO_EXAMPLES", "")
NEW, CHANGED, SAME, REFUSED = (
    documents_pb.SLO_IMPORT_OUTCOME_NEW,
    documents_pb.SLO_IMPORT_OUTCOME_CHANGED,
    documents_pb.SLO_IMPORT_OUTCOME_SAME,
    documents_pb.SLO_IMPORT_OUTCOME_REFUSED,
)


@pytest.fixture
async def served(own_urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Served]:
    settings = TriageSettings(port=0, database_url=own_urls["triage"], cache_url=engines.cache_url, subscribers={})
    async with serving(build(settings, clock), SERVICES) as running:
        yield running


@pytest.fixture
def slos(served: Served) -> "SloServiceAsyncStub":
    return SloServiceStub(served.channel.grpc)


async def imported(slos: "SloServiceAsyncStub", text: str, **more: Any) -> pb.ImportSlosResponse:
    return await slos.ImportSlos(pb.ImportSlosRequest(yaml=text, **more))


async def take(slos: "SloServiceAsyncStub", *trees: Tree) -> list[int]:
    """Imports documents and returns what became of each."""
    return [each.outcome for each in (await imported(slos, yaml_of(trees))).documents]


async def get(slos: "SloServiceAsyncStub", name: str, revision: int = 0) -> Slo:
    return (await slos.GetSlo(pb.GetSloRequest(name=f"slos/{name}", revision=revision))).slo


async def exported(slos: "SloServiceAsyncStub", *names: str, page_size: int = 0, **more: Any) -> list[Tree]:
    text, token = "", ""
    while True:
        page = await slos.ExportSlos(pb.ExportSlosRequest(names=names, page_size=page_size, page_token=token, **more))
        text += page.yaml
        token = page.next_page_token
        if not token:
            return [each.tree for each in read_bundle(text)]


def sorted_texts(trees: Sequence[Tree]) -> list[str]:
    return sorted(canonical(tree) for tree in trees)


# Importing.


async def test_every_example_is_exported_as_it_was_imported_and_imports_as_the_same(slos: "SloServiceAsyncStub") -> None:
    sent: list[Tree] = []
    for name in EXAMPLE_FILES:
        answer = await imported(slos, example(name))
        assert {each.outcome for each in answer.documents} == {NEW}
        sent += [each.tree for each in read_bundle(example(name))]
    out = await exported(slos, page_size=7)
    assert sorted_texts(out) == sorted_texts(sent)
    before = (await slos.ListSlos(pb.ListSlosRequest())).slos
    again = await imported(slos, yaml_of(out))
    assert {each.outcome for each in again.documents} == {SAME}
    assert (await slos.ListSlos(pb.ListSlosRequest())).slos == before


async def test_a_bad_document_stops_that_one_only(slos: "SloServiceAsyncStub") -> None:
    text = yaml_of([slo("first"), slo("second", objectives=[{"target": 1.5}])]) + "---\n[\n" + yaml_of([slo("third")])
    answer = await imported(slos, text)
    assert [each.outcome for each in answer.documents] == [NEW, REFUSED, REFUSED, NEW]
    second = answer.documents[1]
    assert (second.number, second.kind, second.name, second.revision) == (2, "SLO", "slos/second", 0)
    (problem,) = second.problems
    assert (problem.field, problem.column) == ("spec.objectives[0].target", 5)
    assert text.splitlines()[problem.line - 1] == "  - target: 1.5"
    assert [each.name for each in (await slos.ListSlos(pb.ListSlosRequest())).slos] == ["slos/first", "slos/third"]


async def test_a_change_makes_a_revision_and_the_same_makes_none(slos: "SloServiceAsyncStub", clock: SimulatedClock) -> None:
    assert await take(slos, slo()) == [NEW]
    first = await get(slos, "answers")
    assert await take(slos, slo()) == [SAME]
    assert await get(slos, "answers") == first
    assert await take(slos, slo(objectives=[{"target": 0.999}])) == [CHANGED]
    second = await get(slos, "answers")
    assert (first.revision, second.revision, second.objectives[0].target, second.author) == (1, 2, 0.999, "ada")
    assert (await get(slos, "answers", 1)).objectives[0].target == 0.99
    # What has no meaning here is part of the document all the same.
    assert await take(slos, slo(objectives=[{"target": 0.999, "compositeWeight": 2}])) == [CHANGED]
    assert (await get(slos, "answers")).revision == 3


async def test_validate_only_says_what_would_become_of_it_and_stores_nothing(slos: "SloServiceAsyncStub") -> None:
    answer = await imported(slos, yaml_of([slo(), data_source()]), validate_only=True)
    assert [(each.outcome, each.revision) for each in answer.documents] == [(NEW, 1), (NEW, 1)]
    assert not (await slos.ListSlos(pb.ListSlosRequest())).slos
    assert not (await slos.ListSloDocuments(pb.ListSloDocumentsRequest())).documents


async def test_a_request_id_repeated_returns_the_first_answer(slos: "SloServiceAsyncStub") -> None:
    request = {"request_id": str(uuid.uuid4())}
    first = await imported(slos, yaml_of([slo()]), **request)
    await take(slos, slo(description="changed"))
    assert await imported(slos, yaml_of([slo()]), **request) == first
    assert (await get(slos, "answers")).description == "changed"


async def test_what_is_kept_without_meaning_is_told_with_its_line(slos: "SloServiceAsyncStub") -> None:
    text = example("shop.yaml")
    (told,) = (await imported(slos, text)).documents[-1].kept
    assert (told.field, text.splitlines()[told.line - 1]) == ("spec.alertPolicies", "  alertPolicies:")


async def test_more_documents_than_one_import_takes_are_refused_whole(slos: "SloServiceAsyncStub") -> None:
    with pytest.raises(InvalidInput) as refused:
        await imported(slos, "---\na: 1\n" * 1001)
    assert (refused.value.reason, refused.value.violations[0].field) == ("SLO_BUNDLE_TOO_LARGE", "yaml")
    assert len((await imported(slos, "---\na: 1\n" * 1000)).documents) == 1000


async def test_a_text_without_documents_is_no_error(slos: "SloServiceAsyncStub") -> None:
    assert not (await imported(slos, "# nothing\n---\n")).documents


async def test_sloth_is_imported_and_exported_as_openslo(slos: "SloServiceAsyncStub") -> None:
    answer = await imported(slos, example("sloth.yaml"))
    assert [(each.number, each.name) for each in answer.documents] == [(1, "slos/catalogue-answers"), (1, "slos/catalogue-errors")]
    (tree,) = await exported(slos, "slos/catalogue-answers")
    assert (tree["apiVersion"], tree["kind"]) == ("openslo/v1", "SLO")


# References.


async def test_a_missing_reference_is_reported_and_resolved_when_it_comes(slos: "SloServiceAsyncStub") -> None:
    answer = await imported(slos, yaml_of([slo()]))
    assert [(each.field, each.line) for each in answer.documents[0].missing_references] == [
        ("spec.service", 7),
        ("spec.indicatorRef", 8),
    ]
    assert not (await get(slos, "answers")).indicator.HasField("good")
    moved = await imported(slos, yaml_of([sli()]))
    assert (list(moved.resolved_slos), moved.documents[0].outcome) == (["slos/answers"], NEW)
    assert [each.field for each in moved.documents[0].missing_references] == [
        "spec.ratioMetric.good.metricSource.metricSourceRef",
        "spec.ratioMetric.total.metricSource.metricSourceRef",
    ]
    resolved = await get(slos, "answers")
    assert (resolved.revision, resolved.indicator.good.spec["query"], resolved.indicator.good.type) == (2, "good_total", "")
    assert list((await imported(slos, yaml_of([data_source()]))).resolved_slos) == ["slos/answers"]
    assert (await get(slos, "answers")).indicator.good.type == "Prometheus"


async def test_a_changed_data_source_moves_only_the_slos_that_it_changes(slos: "SloServiceAsyncStub", served: Served) -> None:
    other = slo("other", indicatorRef="other")
    await take(slos, data_source(), data_source("second"), sli(), sli("other", "second"), slo(), other)
    described = data_source()
    described["spec"]["description"] = "the same place, with more words"
    assert not (await imported(slos, yaml_of([described]))).resolved_slos
    moved = await imported(slos, yaml_of([data_source(url="http://prometheus:9090")]))
    assert list(moved.resolved_slos) == ["slos/answers"]
    assert [(await get(slos, name)).revision for name in ("answers", "other")] == [2, 1]
    async with served.app.database.transaction() as connection:
        stored = (
            await connection.exec_driver_sql("select slo->'indicator'->'good'->'connection'->>'url' from slo order by name")
        ).scalars()
        assert list(stored) == ["http://prometheus:9090", "http://127.0.0.1:9090"]


async def test_a_reference_to_a_refused_document_says_so(slos: "SloServiceAsyncStub") -> None:
    answer = await imported(slos, yaml_of([document("SLI", "answers", {}), slo()]))
    told = {each.field: each.description for each in answer.documents[1].missing_references}
    assert "document 1 tells of and which was refused" in told["spec.indicatorRef"]


async def test_an_indicator_held_already_decides_what_an_slo_must_say(slos: "SloServiceAsyncStub") -> None:
    threshold = {"thresholdMetric": {"metricSource": {"type": "Prometheus", "spec": {"query": "latency"}}}}
    await take(slos, document("SLI", "answers", threshold))
    (told,) = (await imported(slos, yaml_of([slo()]))).documents
    assert (told.outcome, [each.field for each in told.problems]) == (
        REFUSED,
        ["spec.objectives[0].op", "spec.objectives[0].value"],
    )
    assert await take(slos, slo(objectives=[{"target": 0.9, "op": "lt", "value": 1}])) == [NEW]


async def test_two_imports_at_once_resolve_by_each_other(slos: "SloServiceAsyncStub", served: Served) -> None:
    imports = SloImports(served.app.database, served.app.outbox)
    read = read_bundle(yaml_of([slo()]))
    async with served.app.database.transaction():
        await imports.apply(
            [each.key for each in read], [], lambda held: plan_import(read, held, Occasion("ada", START)), validate_only=False
        )
        # In a context of its own: this one carries the open transaction.
        other = asyncio.create_task(imported(slos, yaml_of([sli()])), context=contextvars.Context())
        await asyncio.sleep(0.5)
        assert not other.done()
    assert list((await other).resolved_slos) == ["slos/answers"]
    assert (await get(slos, "answers")).indicator.good.spec["query"] == "good_total"


# Reading.


async def test_slos_are_listed_by_name_in_pages_by_component_and_by_team(slos: "SloServiceAsyncStub", served: Served) -> None:
    await take(slos, *(slo(f"s-{letter}", service="web" if letter < "d" else "db") for letter in "dcabe"))
    triage = TriageServiceStub(served.channel.grpc)
    await triage.UpsertComponents(triage_pb.UpsertComponentsRequest(components=[Component(name="components/db", owner_team="teams/data")]))
    names, token = [], ""
    while True:
        page = await slos.ListSlos(pb.ListSlosRequest(page_size=2, page_token=token))
        names += [each.name for each in page.slos]
        token = page.next_page_token
        if not token:
            break
    assert names == [f"slos/s-{letter}" for letter in "abcde"]
    assert [each.name for each in (await slos.ListSlos(pb.ListSlosRequest(component="components/web"))).slos] == names[:3]
    assert [each.name for each in (await slos.ListSlos(pb.ListSlosRequest(owner_team="teams/data"))).slos] == names[3:]


async def test_a_page_token_of_another_list_is_refused(slos: "SloServiceAsyncStub") -> None:
    await take(slos, slo("a"), slo("b"), data_source("a"), data_source("b"))
    page = await slos.ListSlos(pb.ListSlosRequest(page_size=1))
    with pytest.raises(InvalidInput) as refused:
        await slos.ListSlos(pb.ListSlosRequest(page_size=1, component="components/web", page_token=page.next_page_token))
    assert refused.value.reason == "PAGE_TOKEN_INVALID"


async def test_revisions_are_listed_newest_first_in_pages(slos: "SloServiceAsyncStub") -> None:
    for percent in (90, 95, 99):
        await take(slos, slo(objectives=[{"targetPercent": percent}]))
    told, token = [], ""
    while True:
        page = await slos.ListSloRevisions(pb.ListSloRevisionsRequest(name="slos/answers", page_size=2, page_token=token))
        told += [(each.slo.revision, each.slo.objectives[0].target, each.deleted) for each in page.revisions]
        token = page.next_page_token
        if not token:
            break
    assert told == [(3, 0.99, False), (2, 0.95, False), (1, 0.9, False)]


async def test_what_is_not_there_is_refused_by_reason(slos: "SloServiceAsyncStub") -> None:
    await take(slos, slo())
    for call, reason in (
        (slos.GetSlo(pb.GetSloRequest(name="slos/none")), "SLO_NOT_FOUND"),
        (slos.GetSlo(pb.GetSloRequest(name="slos/none", revision=1)), "SLO_NOT_FOUND"),
        (slos.GetSlo(pb.GetSloRequest(name="slos/answers", revision=2)), "SLO_REVISION_NOT_FOUND"),
        (slos.ListSloRevisions(pb.ListSloRevisionsRequest(name="slos/none")), "SLO_NOT_FOUND"),
        (slos.DeleteSlo(pb.DeleteSloRequest(name="slos/none")), "SLO_NOT_FOUND"),
        (slos.GetSloDocument(pb.GetSloDocumentRequest(name="sloDocuments/SLI.none")), "SLO_DOCUMENT_NOT_FOUND"),
        (slos.GetSloDocument(pb.GetSloDocumentRequest(name="slos/answers", revision=2)), "SLO_DOCUMENT_NOT_FOUND"),
        (slos.ExportSlos(pb.ExportSlosRequest(names=["slos/answers", "slos/none"])), "SLO_DOCUMENT_NOT_FOUND"),
    ):
        with pytest.raises(NotFound) as missing:
            await call
        assert missing.value.reason == reason


async def test_documents_of_other_kinds_are_listed_and_read_at_every_revision(slos: "SloServiceAsyncStub") -> None:
    await take(slos, data_source(), sli(), document("Service", "web", {}))
    await take(slos, data_source(url="http://prometheus:9090"))
    page = await slos.ListSloDocuments(pb.ListSloDocumentsRequest(page_size=2))
    more = await slos.ListSloDocuments(pb.ListSloDocumentsRequest(page_size=2, page_token=page.next_page_token))
    listed = [*page.documents, *more.documents]
    assert [(each.name, each.revision, each.yaml, list(each.references)) for each in listed] == [
        ("sloDocuments/DataSource.prometheus", 2, "", []),
        ("sloDocuments/SLI.answers", 1, "", ["sloDocuments/DataSource.prometheus"]),
        ("sloDocuments/Service.web", 1, "", []),
    ]
    only = await slos.ListSloDocuments(pb.ListSloDocumentsRequest(kind="SLI"))
    assert [each.name for each in only.documents] == ["sloDocuments/SLI.answers"]
    name = "sloDocuments/DataSource.prometheus"
    for revision, url in ((0, "http://prometheus:9090"), (1, "http://127.0.0.1:9090")):
        read = (await slos.GetSloDocument(pb.GetSloDocumentRequest(name=name, revision=revision))).document
        assert read_bundle(read.yaml)[0].tree == data_source(url=url)


async def test_an_export_of_some_brings_what_they_refer_to_first(slos: "SloServiceAsyncStub") -> None:
    await take(slos, slo(), slo("alone", indicatorRef="none"), sli(), sli("other"), data_source(), data_source("other"))
    assert [(each["kind"], each["metadata"]["name"]) for each in await exported(slos, "slos/answers", page_size=1)] == [
        ("DataSource", "prometheus"),
        ("SLI", "answers"),
        ("SLO", "answers"),
    ]
    bare = await exported(slos, "slos/answers", "sloDocuments/SLI.other", without_references=True)
    assert [(each["kind"], each["metadata"]["name"]) for each in bare] == [("SLI", "other"), ("SLO", "answers")]


# Deleting.


async def test_a_deleted_slo_is_gone_its_revisions_stay_and_count_on(slos: "SloServiceAsyncStub") -> None:
    await take(slos, slo())
    await take(slos, slo(description="second"))
    with pytest.raises(Conflict) as refused:
        await slos.DeleteSlo(pb.DeleteSloRequest(name="slos/answers", etag="v1"))
    assert refused.value.reason == "ETAG_MISMATCH"
    request = pb.DeleteSloRequest(name="slos/answers", etag="v2", request_id=str(uuid.uuid4()))
    deleted = await slos.DeleteSlo(request)
    assert (deleted.slo.revision, deleted.slo.description) == (3, "second")
    with pytest.raises(NotFound):
        await slos.GetSlo(pb.GetSloRequest(name="slos/answers"))
    assert (await slos.GetSlo(pb.GetSloRequest(name="slos/answers", revision=3))).slo == deleted.slo
    assert await slos.DeleteSlo(request) == deleted
    with pytest.raises(NotFound):
        await get(slos, "answers")
    assert not await exported(slos)
    assert not (await imported(slos, yaml_of([sli()]))).resolved_slos
    assert (await get(slos, "answers", 2)).description == "second"
    answer = await imported(slos, yaml_of([slo(description="third")]))
    assert (answer.documents[0].outcome, answer.documents[0].revision) == (NEW, 4)
    revisions = (await slos.ListSloRevisions(pb.ListSloRevisionsRequest(name="slos/answers"))).revisions
    assert [(each.slo.revision, each.deleted) for each in revisions] == [(4, False), (3, True), (2, False), (1, False)]


# Telling others.


async def told(served: Served, subject: str) -> list[triage_events_pb2.SloChanged]:
    """Returns the events recorded about an SLO, oldest first."""
    async with served.app.database.transaction() as connection:
        statement = text("select payload from outbox where aggregateid = :subject and type = :type order by position")
        rows = list(await connection.execute(statement, {"subject": subject, "type": triage_events_pb2.SloChanged.DESCRIPTOR.full_name}))
    found = []
    for row in rows:
        data = triage_events_pb2.SloChanged()
        assert CloudEvent.FromString(row.payload).proto_data.Unpack(data)
        found.append(data)
    return found


async def test_each_revision_is_told_and_nothing_else(served: Served, slos: "SloServiceAsyncStub") -> None:
    await take(slos, slo())
    await take(slos, slo())  # the same
    await take(slos, slo(service=None))  # refused
    await imported(slos, yaml_of([slo(description="only checked")]), validate_only=True)
    await take(slos, sli())
    await slos.DeleteSlo(pb.DeleteSloRequest(name="slos/answers"))
    events = await told(served, "slos/answers")
    assert [(each.slo.revision, each.slo.indicator.HasField("good"), each.deleted) for each in events] == [
        (1, False, False),
        (2, True, False),
        (3, True, True),
    ]


async def test_how_one_connects_is_told_to_nobody(served: Served, slos: "SloServiceAsyncStub") -> None:
    secret = data_source()
    secret["spec"]["connectionDetails"] = {"url": "http://prometheus:9090", "password": "hunter2"}
    await take(slos, secret, sli(), slo())
    listed = await slos.ListSloDocuments(pb.ListSloDocumentsRequest())
    for message in (*await told(served, "slos/answers"), await get(slos, "answers"), listed):
        assert b"hunter2" not in message.SerializeToString()
    assert secret in await exported(slos, "slos/answers")


# All of OpenSLO's own examples, where they are at hand.


@pytest.mark.skipif(not FOLDER, reason="BALLAST_OPENSLO_EXAMPLES names no folder; it may be a checkout of github.com/OpenSLO/OpenSLO")
async def test_the_examples_of_openslo_come_through_whole(slos: "SloServiceAsyncStub") -> None:
    files = sorted(each for each in (Path(FOLDER) / "examples").rglob("*.yaml"))
    assert files
    for file in files:
        sent = read_bundle(file.read_text())
        answer = await imported(slos, file.read_text())
        assert REFUSED not in {each.outcome for each in answer.documents}, answer
        out = await exported(slos, *(each.name for each in answer.documents), without_references=True)
        assert sorted_texts(out) == sorted_texts([each.tree for each in sent])
