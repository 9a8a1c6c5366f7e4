"""What a service makes when it first needs it is the system's doing, not that of whoever called just then."""

from collections.abc import Mapping

from ballast.allocation.v1 import allocation_events_pb2
from ballast.triage.v1 import budget_events_pb2, triage_events_pb2
from google.protobuf.message import Message
from sqlalchemy import text

from services.allocation.settings import AllocationSettings
from shared.app import App
from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.principal import Cause, Principal, current_cause, current_principal_name, enter, enter_call, leave, on_its_own
from tests.support.allocating import allocating
from tests.support.triaging import deliver, incident, opened, triage_serving


async def causes(app: App, kind: type[Message]) -> list[Mapping[str, str]]:
    """Returns what is kept of the causes of such events, but for their traces."""
    statement = text("select headers - 'traceparent' as cause from outbox where type = :type order by position")
    async with app.database.transaction() as connection:
        return [row.cause for row in await connection.execute(statement, {"type": kind.DESCRIPTOR.full_name})]


BY_ITSELF = [{"principal": "system", "method": ""}]


async def test_the_rules_an_assessment_needs_first_are_made_by_the_system(
    own_urls: dict[str, str], engines: Engines, clock: SimulatedClock
) -> None:
    async with triage_serving(own_urls, engines, clock) as suite:
        await deliver(suite, opened(incident("pay")))  # caused by ada
        await suite.app.tick()
        for kind in (triage_events_pb2.SeverityMatrixChanged, triage_events_pb2.GatingRulesChanged, budget_events_pb2.BudgetPolicyChanged):
            assert await causes(suite.app, kind) == BY_ITSELF
        assert [each["principal"] for each in await causes(suite.app, triage_events_pb2.AssessmentMade)] == ["ada"]


async def test_the_policy_a_team_needs_first_is_made_by_the_system(
    own_urls: dict[str, str], engines: Engines, clock: SimulatedClock
) -> None:
    settings = AllocationSettings(port=0, database_url=own_urls["allocation"], cache_url=engines.cache_url, subscribers={})
    async with allocating(settings, clock) as suite:
        await suite.store_team("core")
        assert await causes(suite.app, allocation_events_pb2.AllocationPolicyChanged) == BY_ITSELF
        assert [each["principal"] for each in await causes(suite.app, allocation_events_pb2.TeamChanged)] == ["ada"]


def test_what_the_system_does_leaves_the_call_it_happens_in_without_a_record() -> None:
    call = Cause("ballast.test.v1.TestService/Change", "Because.")
    enter_call(call)
    token = enter(Principal("ada"))
    try:
        with on_its_own():
            assert (current_principal_name(), current_cause().method, current_cause().reason) == ("system", "", "")
            current_cause().is_told = True
        assert (current_principal_name(), current_cause(), call.is_told) == ("ada", call, False)
    finally:
        leave(token)
        enter_call(Cause())
