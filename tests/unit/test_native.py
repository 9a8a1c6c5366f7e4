"""Requests parsed into plain dictionaries: the same content, the same rules and the same identity as the usual messages."""

from typing import Any

from ballast.intake.v1 import alert_pb, alert_pb2, intake_service_pb
from ballast.intake.v1 import intake_service_pb2 as pb
from hypothesis import given
from hypothesis import strategies as st

from shared.rpc.fault import faults_of
from shared.rpc.native import parser_of, reads, usual_message
from shared.rpc.once import request_key
from shared.rpc.shape import breaches_of

ID = "0199a0c0-0000-7000-8000-000000000001"
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
REPORTS = st.builds(
    alert_pb2.AlertReport,
    key=TEXT,
    labels=st.dictionaries(TEXT, TEXT | st.just("v" * 1025), max_size=4),
    annotations=st.dictionaries(TEXT | st.just("k" * 129), TEXT, max_size=3),
    generator_url=TEXT,
)
REQUESTS = st.builds(
    pb.ReportAlertsRequest, source=TEXT, request_id=st.sampled_from(["", ID, "no uuid"]), reports=st.lists(REPORTS, max_size=3)
)


def native(request: pb.ReportAlertsRequest) -> intake_service_pb.ReportAlertsRequest:
    return intake_service_pb.ReportAlertsRequest.from_binary(request.SerializeToString())


@given(REQUESTS)
def test_both_ways_read_the_same(request: pb.ReportAlertsRequest) -> None:
    found = native(request)
    assert (found.source, found.request_id) == (request.source, request.request_id)
    assert [(each.key, each.labels, each.annotations) for each in found.reports] == [
        (each.key, dict(each.labels), dict(each.annotations)) for each in request.reports
    ]
    assert usual_message(found) == request


@given(REQUESTS)
def test_both_ways_break_the_same_rules(request: pb.ReportAlertsRequest) -> None:
    def key(violation: Any) -> tuple[str, str]:
        return violation.field, violation.description

    found = native(request)
    assert sorted(breaches_of(found), key=key) == sorted(breaches_of(request), key=key)
    for one, other in zip(found.reports, request.reports, strict=True):
        assert sorted(breaches_of(one), key=key) == sorted(breaches_of(other), key=key)


def test_faults_that_no_rule_names_are_found_as_well() -> None:
    request = pb.ReportAlertsRequest(source="a\0b")
    assert [each.field for each in faults_of(native(request))] == ["source"]


def test_the_order_in_which_a_map_travels_does_not_make_it_another_request() -> None:
    names = [f"name-{number}" for number in range(60)]
    one, two = (pb.ReportAlertsRequest.FromString(_written(each)) for each in (names, names[::-1]))
    assert request_key(one, "M") == request_key(two, "M") == request_key(native(one), "M")


def test_another_word_makes_it_another_request() -> None:
    request = pb.ReportAlertsRequest(request_id=ID, source="x", reports=[alert_pb2.AlertReport(labels={"a": "b"})])
    other = pb.ReportAlertsRequest(request_id=ID, source="x", reports=[alert_pb2.AlertReport(labels={"a": "c"})])
    assert request_key(native(request), "M") != request_key(native(other), "M")


async def test_a_method_that_is_not_marked_reads_the_usual_way() -> None:
    async def usual(request: Any, context: object) -> None: ...

    @reads(intake_service_pb.ReportAlertsRequest)
    async def marked(request: Any, context: object) -> None: ...

    assert parser_of(usual, pb.ReportAlertsRequest.FromString) == pb.ReportAlertsRequest.FromString
    assert isinstance(parser_of(marked, pb.ReportAlertsRequest.FromString)(b""), intake_service_pb.ReportAlertsRequest)


def _written(names: list[str]) -> bytes:
    """Returns a request whose one report has labels of these names, in this order on the wire."""
    report = alert_pb.AlertReport(labels=dict.fromkeys(names, "v"))
    return intake_service_pb.ReportAlertsRequest(request_id=ID, source="x", reports=[report]).to_binary()
