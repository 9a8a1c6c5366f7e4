"""The trace of a decision, as an OTLP collector receives it."""

from datetime import timedelta

from services.allocation.settings import AllocationSettings
from shared.clock import SimulatedClock
from shared.embedded import Engines
from shared.testing.otlp import OtlpReceiver
from tests.support.allocating import Suite, allocating, assessment, item, made

SPAN = "ballast.allocation.decide"


async def test_a_decision_is_one_span_linked_to_its_incidents_with_an_event_for_each_displaced_item(
    urls: dict[str, str], engines: Engines, clock: SimulatedClock
) -> None:
    async with OtlpReceiver() as receiver:
        settings = AllocationSettings(
            port=0, database_url=urls["allocation"], cache_url=engines.cache_url, subscribers={}, otlp_endpoint=receiver.endpoint
        )
        async with allocating(settings, clock) as suite:
            decision = await _raise(suite)
        spans = {span.attributes.get("ballast.decision.name"): span for span in receiver.spans(SPAN)}
    assert len(spans) == len(receiver.spans(SPAN)) == 3  # the sprint's beginning, and two assessments
    span = spans[decision.name]
    assert span.trace_id == decision.trace_id
    assert set(span.links) == {("1" * 32, "2" * 16), ("3" * 32, "4" * 16)}
    expected = {
        "ballast.team.name": "teams/traced",
        "ballast.sprint.name": "teams/traced/sprints/1",
        "ballast.split.remediation_share_before": 0.383333,
        "ballast.split.remediation_share_after": 0.433333,
        "ballast.policy.name": "allocationPolicies/default",
        "ballast.policy.revision": 1,
        "ballast.decision.outcome": "RAISED",
    }
    assert expected.items() <= span.attributes.items()
    displaced = decision.impact.displaced[0]
    assert span.events == (
        (
            "ballast.roadmap_item.displaced",
            {
                "ballast.roadmap_item.name": displaced.roadmap_item,
                "ballast.roadmap_item.delay_days": 14.0,
                "ballast.roadmap_item.value_at_risk": 4000.0,
                "ballast.roadmap_item.currency": "USD",
            },
        ),
    )


async def _raise(suite: Suite):  # type: ignore[no-untyped-def]  # the message's type says nothing here
    await suite.store_team("traced")
    await suite.store_items(item("displaced", "traced", 140, 2000))
    at = suite.clock.now() - timedelta(hours=1)
    await suite.deliver(made(assessment("traced", at=at), f"00-{'1' * 32}-{'2' * 16}-01"))
    await suite.deliver(made(assessment("traced", at=at), f"00-{'3' * 32}-{'4' * 16}-01"))
    return (await suite.decisions("traced"))[0]
