"""From a scraped counter to a raised severity: Prometheus, the puller, the burn, the gate, and the time each step took."""

import sys
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from ballast.triage.v1 import error_budget_service_pb2 as budget_pb
from ballast.triage.v1 import gate_pb2, gate_service_pb2, slo_service_pb2
from ballast.triage.v1 import severity_matrix_pb2 as matrix_pb
from ballast.triage.v1.error_budget_service_pb2_grpc import ErrorBudgetServiceStub
from ballast.triage.v1.slo_service_pb2_grpc import SloServiceStub

from shared.clock import RealClock
from shared.embedded import Engines
from shared.rpc.client import ClientCredentials, connect
from tests.support.prometheus import Exporter, needs_prometheus, scraping
from tests.support.triaging import INFORMATION, Suite, assessment, deliver, incident, opened, triage_serving
from tests.support.waiting import until

TOLD_TO_ITSELF = ["ballast.triage.v1.ErrorBudgetChanged", "ballast.triage.v1.GatingRulesChanged"]
SLO = """
apiVersion: openslo/v1
kind: SLO
metadata: {name: pay-answers}
spec:
  service: pay
  budgetingMethod: Occurrences
  timeWindow: [{duration: 30d, isRolling: true}]
  objectives: [{target: 0.999}]
  indicator:
    metadata: {name: pay-requests}
    spec:
      ratioMetric:
        counter: true
        good: {metricSource: {type: Prometheus, spec: {query: 'sum(http_requests_total{code="200"})'}}}
        total: {metricSource: {type: Prometheus, spec: {query: sum(http_requests_total)}}}
"""


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[tuple[Exporter, str]]:
    with scraping(tmp_path) as running:
        yield running


@pytest.fixture
async def suite(own_urls: dict[str, str], engines: Engines, peer: tuple[Exporter, str]) -> AsyncIterator[Suite]:
    itself = {"triage": {"address": "127.0.0.1:1", "types": TOLD_TO_ITSELF}}
    pulling = {"prometheus_url": peer[1], "pull_interval_seconds": 1}
    async with triage_serving(own_urls, engines, RealClock(), subscribers=itself, **pulling) as running:  # type: ignore[arg-type]
        yield running


@needs_prometheus
async def test_errors_that_prometheus_scrapes_raise_the_severity_of_an_open_incident(suite: Suite, peer: tuple[Exporter, str]) -> None:
    exporter = peer[0]
    exporter.counts = {"200": 10_000, "500": 0}
    channel = connect(suite.app.server.address, credentials=ClientCredentials(local_name="ada"))
    budgets, slos = ErrorBudgetServiceStub(channel.grpc), SloServiceStub(channel.grpc)
    imported = await slos.ImportSlos(slo_service_pb2.ImportSlosRequest(request_id=str(uuid.uuid4()), yaml=SLO))
    assert not any(each.problems for each in imported.documents), imported
    rule = gate_pb2.GatingRule(
        name="burning", condition="slo.pages", reason="The error budget burns.", elevate_to=matrix_pb.SEVERITY_SEV1, page=True
    )
    gates = gate_pb2.GatingRules(rules=[rule], etag="v1", reason="burn decides")
    await suite.gates.GetGatingRules(gate_service_pb2.GetGatingRulesRequest())
    await suite.gates.UpdateGatingRules(gate_service_pb2.UpdateGatingRulesRequest(gates=gates))
    happened = incident("pay", at=datetime.now(UTC) - timedelta(minutes=5), **INFORMATION)
    await deliver(suite, opened(happened))
    before = await assessment(suite, happened.name)
    assert (before.severity > matrix_pb.SEVERITY_SEV2, len(before.gates)) == (True, 0)

    async def budget() -> budget_pb.GetErrorBudgetResponse:
        return await budgets.GetErrorBudget(budget_pb.GetErrorBudgetRequest(slo="slos/pay-answers"))

    async def is_scraped() -> bool:
        return any(each.HasField("newest_sample_at") for each in (await budget()).error_budgets)

    await until(is_scraped, seconds=60)
    began = time.monotonic()
    took: dict[str, float] = {}
    exporter.counts = {"200": 10_000, "500": 900}

    async def is_counted() -> bool:
        return any(each.total >= 900 for each in (await budget()).error_budgets)

    async def is_raised() -> bool:
        now = await assessment(suite, happened.name)
        # The burn of minutes may page before what the incident used is told: that follows with the next word on the budget.
        return now.severity == matrix_pb.SEVERITY_SEV1 and any(
            each.feature == "budget_used" and not each.missing and float(each.value) > 0 for each in now.terms
        )

    for step, holds in (("scraped and pulled", is_counted), ("gate fired and severity raised", is_raised)):
        await until(holds, seconds=60)
        took[step] = round(time.monotonic() - began, 2)
    sys.stdout.write(f"seconds since the errors began: {took}\n")  # shown by pytest -rP
    found = await assessment(suite, happened.name)
    assert (found.trigger, [each.rule for each in found.gates]) == ("ERROR_BUDGET_CHANGED", ["burning"])
    assert next(each for each in found.terms if each.feature == "burn_rate").value not in {"", "unknown"}
    used = next(each for each in found.terms if each.feature == "budget_used")
    assert (used.missing, float(used.value) > 0) == (False, True)
    # Burn and use may be told by one word on the budget or by two: then each made a revision of its own.
    made = [await assessment(suite, happened.name, revision) for revision in range(before.revision + 1, found.revision + 1)]
    assert {"severity", "gates", "burn_rate", "budget_used"} <= {change.subject for each in made for change in each.differences}
    await channel.close()
