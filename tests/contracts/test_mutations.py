"""Every RPC that may change something leaves an entry in the ledger, or it stands here why it does not."""

import inspect
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.descriptor import MethodDescriptor

import shared.amendments.servicer
import shared.events.admin_servicer
import shared.rpc.simulation  # noqa: F401 - servicers that stand beside those of services
from shared.rpc.method import method_of

ROOT = Path(__file__).parents[2]

_COUNTED = "a stream of measurements: the access log counts the calls, and what they change of incidents or budgets is an event"
# What is not marked `once`, or is marked `counted`.
EXEMPT = {
    "ballast.intake.v1.IntakeService/ReportAlerts": _COUNTED,
    "ballast.intake.v1.IntakeService/StreamAlerts": _COUNTED,
    "ballast.intake.v1.SignalService/PublishEvents": _COUNTED,
    "ballast.intake.v1.SignalService/Heartbeat": _COUNTED,
    "ballast.triage.v1.SliService/RecordSli": _COUNTED,
    "ballast.events.v1.EventSinkService/Deliver": "passes on what is an entry already",
    "ballast.simulation.v1.SimulationService/AdvanceClock": "of suites whose clock is simulated",
    "ballast.simulation.v1.SimulationService/Settle": "only waits",
}


def mutations() -> list[MethodDescriptor]:
    found = []
    for path in sorted((ROOT / "protos" / "ballast").rglob("*_service.proto")):
        module = import_module(".".join(path.relative_to(ROOT / "protos").with_suffix("").parts) + "_pb2")
        for service in module.DESCRIPTOR.services_by_name.values():
            found += [each for each in service.methods if not method_of(f"/{service.full_name}/{each.name}").only_reads]
    return found


def servicers(contract: str) -> list[type]:
    """Returns the classes that implement a service, by the class its generated code gives to subclass."""
    for path in ROOT.glob("services/*/transport/*servicer.py"):
        import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    package, _, name = contract.rpartition(".")
    modules = [import_module(f"{package}.{path.stem}") for path in (ROOT / "protos/gen" / package.replace(".", "/")).glob("*_pb2_grpc.py")]
    bases: list[Any] = [getattr(each, f"{name}Servicer") for each in modules if hasattr(each, f"{name}Servicer")]
    return [each for base in bases for each in base.__subclasses__() if each.__module__.startswith(("services.", "shared."))]


@pytest.mark.parametrize("rpc", mutations(), ids=lambda rpc: f"{rpc.containing_service.name}/{rpc.name}")
def test_a_call_that_may_change_something_is_told_of(rpc: MethodDescriptor) -> None:
    name = f"{rpc.containing_service.full_name}/{rpc.name}"
    methods = [inspect.getattr_static(each, rpc.name) for each in servicers(rpc.containing_service.full_name)]
    assert methods, f"nobody serves {name}"
    is_told = all(getattr(each, "is_witnessed", False) for each in methods)
    assert is_told != (name in EXEMPT), f"{name} must be marked `once`, or stand in EXEMPT with the reason"
