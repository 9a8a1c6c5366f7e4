"""The alerts that are sent, the same for every peer, encoded beforehand in each peer's own form."""

import itertools
import json
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from ballast.intake.v1 import alert_pb2
from ballast.intake.v1 import intake_service_pb2 as pb
from google.protobuf.timestamp_pb2 import Timestamp

ANNOTATIONS = {"summary": "error rate above 5 % for 10 minutes", "runbook": "https://runbooks.example/high-error-rate"}
SOURCE = "bench"
# Field 1 of ReportAlertsRequest, a string of 36 bytes. Fields may come in any order, so the same body can be sent under a new id.
_REQUEST_ID_TAG = b"\x0a\x24"


@dataclass(frozen=True, slots=True)
class Population:
    """Distinct alerts by number, with five labels and two annotations as monitoring sends them, over so many components."""

    name: str
    components: int = 50

    def labels(self, number: int) -> dict[str, str]:
        return {
            "alertname": "HighErrorRate",
            "component": f"{self.name}-{number % self.components}",
            "instance": f"10.{number // 62_500}.{number // 250 % 250}.{number % 250}:9100",
            "job": "node",
            "number": f"{self.name}-{number}",
        }


def reports_body(population: Population, numbers: Sequence[int], ended: datetime | None = None) -> bytes:
    """Returns a ReportAlertsRequest of these alerts, firing unless they ended, without a request_id."""
    end = None
    if ended is not None:
        end = Timestamp()
        end.FromDatetime(ended)
    reports = [alert_pb2.AlertReport(labels=population.labels(number), annotations=ANNOTATIONS, ends_at=end) for number in numbers]
    return pb.ReportAlertsRequest(source=SOURCE, reports=reports).SerializeToString()


def with_request_id(body: bytes) -> bytes:
    """Returns the request under a new request_id."""
    return _REQUEST_ID_TAG + str(uuid.uuid4()).encode() + body


def alertmanager_body(population: Population, numbers: Sequence[int]) -> bytes:
    """Returns the body of POST /api/v2/alerts."""
    return json.dumps([{"labels": population.labels(number), "annotations": ANNOTATIONS} for number in numbers]).encode()


def alerta_body(population: Population, number: int) -> bytes:
    """Returns the body of POST /alert. Alerta tells alerts apart by environment, resource and event: the number is in the resource."""
    labels = population.labels(number)
    alert = {
        "environment": "Production",
        "resource": f"{labels['instance']}/{labels['number']}",
        "event": labels["alertname"],
        "severity": "major",
        "service": [labels["component"]],
        "tags": [f"{key}={value}" for key, value in labels.items()],
        "text": ANNOTATIONS["summary"],
        "attributes": {"runbook": ANNOTATIONS["runbook"]},
    }
    return json.dumps(alert).encode()


def batches(numbers: Iterable[int], size: int) -> Iterator[list[int]]:
    """Cuts the numbers into lists of `size`; the last may be shorter."""
    iterator = iter(numbers)
    while batch := list(itertools.islice(iterator, size)):
        yield batch


def count_receipts(answers: Iterable[bytes]) -> int:
    """Returns how many reports were taken; one that was refused has no outcome."""
    parsed = (pb.ReportAlertsResponse.FromString(answer) for answer in answers)
    return sum(receipt.outcome != alert_pb2.REPORT_OUTCOME_UNSPECIFIED for response in parsed for receipt in response.receipts)
