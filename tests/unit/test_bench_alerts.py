"""What the bench sends: the same alerts in every peer's form."""

import json
import uuid

from ballast.intake.v1 import alert_pb2
from ballast.intake.v1 import intake_service_pb2 as pb

from bench.alerts import Population, alerta_body, alertmanager_body, batches, count_receipts, reports_body, with_request_id

POPULATION = Population("round-1", components=50)


def test_alerts_of_a_population_are_distinct_and_spread_over_its_components() -> None:
    labels = [POPULATION.labels(number) for number in range(1_000)]
    assert len({tuple(sorted(each.items())) for each in labels}) == 1_000
    assert len({each["component"] for each in labels}) == 50


def test_populations_share_no_alert() -> None:
    assert POPULATION.labels(7) != Population("round-2").labels(7)


def test_every_peer_is_sent_the_same_labels() -> None:
    wanted = POPULATION.labels(7)
    ours = pb.ReportAlertsRequest.FromString(reports_body(POPULATION, [7])).reports[0]
    alertmanagers = json.loads(alertmanager_body(POPULATION, [7]))[0]
    alertas = json.loads(alerta_body(POPULATION, 7))
    assert dict(ours.labels) == wanted == alertmanagers["labels"] == dict(tag.split("=", 1) for tag in alertas["tags"])
    assert dict(ours.annotations) == alertmanagers["annotations"]


def test_the_same_reports_go_out_under_a_new_request_id_each_time() -> None:
    body = reports_body(POPULATION, [1, 2])
    first, second = (pb.ReportAlertsRequest.FromString(with_request_id(body)) for _ in range(2))
    assert uuid.UUID(first.request_id) != uuid.UUID(second.request_id)
    assert first.reports == second.reports == pb.ReportAlertsRequest.FromString(body).reports


def test_batches_hold_every_number_once() -> None:
    assert list(batches(range(5), 2)) == [[0, 1], [2, 3], [4]]


def test_a_refused_report_is_not_counted_as_taken() -> None:
    taken = alert_pb2.AlertReceipt(outcome=alert_pb2.REPORT_OUTCOME_OPENED)
    answer = pb.ReportAlertsResponse(receipts=[taken, alert_pb2.AlertReceipt()]).SerializeToString()
    assert count_receipts([answer, answer]) == 2
