"""Versions of the severity matrix of a running triage."""

import uuid
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest
from ballast.triage.v1 import severity_matrix_pb2
from ballast.triage.v1 import triage_service_pb2 as pb
from ballast.triage.v1.triage_service_pb2_grpc import TriageServiceStub

from services.triage.app import build
from services.triage.settings import TriageSettings
from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.errors import Conflict, InvalidInput, NotFound
from tests.support.serving import serving

if TYPE_CHECKING:
    from ballast.triage.v1.triage_service_pb2_grpc import TriageServiceAsyncStub  # exists for the type checker only

TRIAGE = pb.DESCRIPTOR.services_by_name["TriageService"]


@pytest.fixture(scope="module")
async def triage(urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator["TriageServiceAsyncStub"]:
    settings = TriageSettings(port=0, database_url=urls["triage"], cache_url=engines.cache_url, subscribers={})
    async with serving(build(settings, clock), [TRIAGE]) as served:
        yield TriageServiceStub(served.channel.grpc)


async def newest(triage: "TriageServiceAsyncStub") -> severity_matrix_pb2.SeverityMatrix:
    return (await triage.GetSeverityMatrix(pb.GetSeverityMatrixRequest())).matrix


async def stricter(triage: "TriageServiceAsyncStub") -> severity_matrix_pb2.SeverityMatrix:
    """Returns the newest matrix with lower thresholds of impact, ready to be sent."""
    matrix = await newest(triage)
    matrix.impact_thresholds[:] = [points - 1 for points in matrix.impact_thresholds]
    matrix.reason = "we missed two in March"
    return matrix


async def update(triage: "TriageServiceAsyncStub", matrix: severity_matrix_pb2.SeverityMatrix) -> severity_matrix_pb2.SeverityMatrix:
    return (await triage.UpdateSeverityMatrix(pb.UpdateSeverityMatrixRequest(matrix=matrix))).matrix


async def test_the_first_version_is_the_default(triage: "TriageServiceAsyncStub") -> None:
    first = (await triage.GetSeverityMatrix(pb.GetSeverityMatrixRequest(revision=1))).matrix
    assert (first.revision, first.author) == (1, "system")
    assert len(first.cells) == 9
    assert list(first.impact_thresholds) == [-3.0, 17.0]
    hours = {each.severity: each.time_to_restore.seconds // 3600 for each in first.targets}
    assert hours == {1: 1, 2: 4, 3: 4, 4: 24, 5: 72}


async def test_an_update_is_a_new_version_by_its_author_and_the_old_one_stays(triage: "TriageServiceAsyncStub") -> None:
    before = await newest(triage)
    made = await update(triage, await stricter(triage))
    assert (made.revision, made.author, made.reason) == (before.revision + 1, "ada", "we missed two in March")
    assert made.etag != before.etag
    assert (await triage.GetSeverityMatrix(pb.GetSeverityMatrixRequest(revision=before.revision))).matrix == before
    assert await newest(triage) == made


@pytest.mark.parametrize("etag", ["", "v999"])
async def test_an_update_without_the_newest_etag_is_refused(triage: "TriageServiceAsyncStub", etag: str) -> None:
    before = await newest(triage)
    matrix = await stricter(triage)
    matrix.etag = etag
    with pytest.raises(Conflict) as refused:
        await update(triage, matrix)
    assert refused.value.reason == "ETAG_MISMATCH"
    assert await newest(triage) == before


async def test_validating_only_shows_the_next_version_and_stores_nothing(triage: "TriageServiceAsyncStub") -> None:
    before = await newest(triage)
    request = pb.UpdateSeverityMatrixRequest(matrix=await stricter(triage), validate_only=True)
    assert (await triage.UpdateSeverityMatrix(request)).matrix.revision == before.revision + 1
    assert await newest(triage) == before


async def test_sending_the_matrix_there_is_makes_no_version(triage: "TriageServiceAsyncStub") -> None:
    before = await newest(triage)
    assert await update(triage, before) == before


async def test_a_matrix_that_makes_no_sense_is_refused_by_reason(triage: "TriageServiceAsyncStub") -> None:
    twice = await newest(triage)
    twice.cells[0].CopyFrom(twice.cells[1])
    upside_down = await newest(triage)
    for cell in upside_down.cells:
        cell.severity = 6 - cell.severity  # type: ignore[assignment]  # the numbers are the contract's
    falling = await newest(triage)
    falling.urgency_thresholds[:] = [6.0, -2.0]
    reasons = []
    for matrix in (twice, upside_down, falling):
        with pytest.raises(InvalidInput) as refused:
            await update(triage, matrix)
        reasons.append(refused.value.reason)
    assert reasons == ["MATRIX_INCOMPLETE", "MATRIX_NOT_MONOTONE", "THRESHOLDS_NOT_RISING"]


async def test_versions_are_listed_newest_first_in_pages(triage: "TriageServiceAsyncStub") -> None:
    await update(triage, await stricter(triage))
    last = (await newest(triage)).revision
    found, token = [], ""
    while True:
        page = await triage.ListSeverityMatrixRevisions(pb.ListSeverityMatrixRevisionsRequest(page_size=2, page_token=token))
        found += [each.revision for each in page.matrices]
        token = page.next_page_token
        if not token:
            break
    assert found == list(range(last, 0, -1))


async def test_a_version_that_is_not_there_says_so(triage: "TriageServiceAsyncStub") -> None:
    with pytest.raises(NotFound) as missing:
        await triage.GetSeverityMatrix(pb.GetSeverityMatrixRequest(revision=999))
    assert missing.value.reason == "MATRIX_REVISION_NOT_FOUND"


async def test_an_update_repeated_with_its_request_id_is_made_once(triage: "TriageServiceAsyncStub") -> None:
    request = pb.UpdateSeverityMatrixRequest(request_id=str(uuid.uuid4()), matrix=await stricter(triage))
    first = await triage.UpdateSeverityMatrix(request)
    assert await triage.UpdateSeverityMatrix(request) == first
    assert await newest(triage) == first.matrix


async def test_a_matrix_is_tried_without_being_kept(triage: "TriageServiceAsyncStub") -> None:
    matrix = (await triage.GetSeverityMatrix(pb.GetSeverityMatrixRequest())).matrix
    trial = await triage.DryRunSeverityMatrix(pb.DryRunSeverityMatrixRequest(matrix=matrix))
    assert (list(trial.changes), [each.severity for each in trial.counts]) == ([], [1, 2, 3, 4, 5])
    del matrix.cells[0]
    with pytest.raises(InvalidInput):
        await triage.DryRunSeverityMatrix(pb.DryRunSeverityMatrixRequest(matrix=matrix))
