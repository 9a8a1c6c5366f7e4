"""What the contract says of an RPC, as the server and the client read it."""

from ballast.allocation.v1 import allocation_service_pb2
from ballast.events.v1 import event_sink_service_pb2
from ballast.intake.v1 import intake_service_pb2

from shared.rpc.method import Method, method_of, retry_safe_methods

INTAKE = intake_service_pb2.DESCRIPTOR.services_by_name["IntakeService"]


def test_a_rule_is_read_from_the_contract() -> None:
    assert method_of("/ballast.intake.v1.IntakeService/ReportAlerts") == Method(
        "ballast.intake.v1.IntakeService/ReportAlerts", "responder", "", retry_safe=True, only_reads=False
    )


def test_a_rule_about_one_team_names_the_field_of_the_team() -> None:
    assert allocation_service_pb2.DESCRIPTOR.name
    method = method_of("/ballast.allocation.v1.AllocationService/DecideSplit")
    assert (method.role, method.team_field) == ("planner", "team")


def test_only_services_deliver_events() -> None:
    assert event_sink_service_pb2.DESCRIPTOR.name
    assert method_of("/ballast.events.v1.EventSinkService/Deliver").role == "service"


def test_an_rpc_that_no_contract_names_has_no_role_and_is_not_retried() -> None:
    for path in ("/grpc.health.v1.Health/Check", "/no.such.Service/Call", "/ballast.intake.v1.IntakeService/NoSuchCall", "", "/"):
        assert method_of(path) == Method(path.lstrip("/"), "", "", retry_safe=False, only_reads=False)


def test_the_calls_that_may_be_retried_are_those_the_contract_declares() -> None:
    assert set(retry_safe_methods(INTAKE)) == set(INTAKE.methods_by_name)


def test_what_has_no_side_effects_only_reads() -> None:
    reading = {name for name in INTAKE.methods_by_name if method_of(f"/{INTAKE.full_name}/{name}").only_reads}
    assert {"GetIncident", "ListIncidents", "WatchIncidents"} <= reading
    assert reading.isdisjoint({"ReportAlerts", "StreamAlerts", "AcknowledgeIncident", "AddTimelineEntry"})
