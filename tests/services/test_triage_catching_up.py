"""Open incidents after many changes of the catalogue at once: each is assessed again once for one state of it, and never left out."""

from collections.abc import AsyncIterator

import pytest
from ballast.triage.v1 import component_pb2, triage_service_pb2

from services.triage.domain.defaults import default_gates, default_matrix, default_model
from services.triage.storage.assessment_store import AssessmentStore
from services.triage.storage.component_store import ComponentStore
from services.triage.storage.gate_store import gate_store
from services.triage.storage.matrix_store import matrix_store
from services.triage.storage.surroundings_store import SurroundingsStore
from services.triage.usecases.assessments import Assessments, Sources, Yardsticks
from services.triage.usecases.gating import Gating
from services.triage.usecases.landscape import Landscape
from services.triage.usecases.matrices import Matrices
from shared.clock import SimulatedClock
from shared.embedded import Engines
from tests.support.triaging import Suite, deliver, incident, opened, triage_serving


@pytest.fixture
async def suite(own_urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Suite]:
    async with triage_serving(own_urls, engines, clock) as running:
        yield running


def assessments_of(suite: Suite, clock: SimulatedClock) -> Assessments:
    database, outbox = suite.app.database, suite.app.outbox
    found = AssessmentStore(database, outbox, "USD")
    matrices = Matrices(matrix_store(database, outbox, default_matrix()), found, clock)
    yardsticks = Yardsticks(default_model("USD"), matrices, Gating(gate_store(database, outbox, default_gates()), clock))
    landscape = Landscape(ComponentStore(database, outbox))
    return Assessments(found, Sources(SurroundingsStore(database), landscape, yardsticks), clock)


async def changed(suite: Suite, assessments: Assessments, *components: str) -> list[str]:
    """Takes a change of each component as the events of one delivery; returns the incidents assessed again."""
    async with suite.app.database.transaction():
        return [each for name in components for each in await assessments.catalogue_changed(f"components/{name}", "COMPONENT_CHANGED")]


async def test_an_incident_is_assessed_again_once_for_each_state_of_the_catalogue(suite: Suite, clock: SimulatedClock) -> None:
    assessments, of = assessments_of(suite, clock), incident("pay")
    await deliver(suite, opened(of))
    assert await changed(suite, assessments, "mail") == []
    assert await changed(suite, assessments, "shop") == [of.name]
    assert await changed(suite, assessments, "app", "shop", "pay") == []
    component = component_pb2.Component(name="components/mail", owner_team="teams/post")
    await suite.triage.UpsertComponents(triage_service_pb2.UpsertComponentsRequest(components=[component]))
    assert await changed(suite, assessments, "app") == [of.name]


async def test_what_was_rolled_back_is_assessed_again_when_it_is_told_again(suite: Suite, clock: SimulatedClock) -> None:
    assessments, of = assessments_of(suite, clock), incident("pay")
    await deliver(suite, opened(of))
    with pytest.raises(ZeroDivisionError):
        await failing(suite, assessments)
    assert await changed(suite, assessments, "pay") == [of.name]


async def failing(suite: Suite, assessments: Assessments) -> None:
    async with suite.app.database.transaction():
        assert await assessments.catalogue_changed("components/pay", "COMPONENT_CHANGED")
        raise ZeroDivisionError
