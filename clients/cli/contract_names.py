"""Types of events and RPCs as people type them: the whole name, or its last part where only one ends in it."""

from collections.abc import Collection, Sequence
from difflib import get_close_matches
from itertools import chain
from typing import Any

from ballast.allocation.v1 import (
    adherence_service_pb2,
    allocation_events_pb2,
    allocation_service_pb2,
    backtest_service_pb2,
    capacity_service_pb2,
    decision_service_pb2,
    demand_service_pb2,
    plan_service_pb2,
    policy_service_pb2,
    scenario_service_pb2,
    split_service_pb2,
    work_service_pb2,
)
from ballast.amendments.v1 import amendment_events_pb2, amendment_service_pb2
from ballast.events.v1 import access_observed_pb2, call_recorded_pb2, event_admin_service_pb2, event_sink_service_pb2, outbox_manifest_pb2
from ballast.governance.v1 import (
    access_log_service_pb2,
    approval_rule_service_pb2,
    approval_service_pb2,
    governance_events_pb2,
    governance_service_pb2,
    ledger_events_pb2,
    ledger_service_pb2,
    lineage_events_pb2,
    lineage_service_pb2,
    segment_service_pb2,
)
from ballast.intake.v1 import (
    grouping_service_pb2,
    incident_service_pb2,
    intake_events_pb2,
    intake_service_pb2,
    muting_events_pb2,
    muting_service_pb2,
    signal_service_pb2,
)
from ballast.playbook.v1 import playbook_events_pb2, playbook_service_pb2
from ballast.simulation.v1 import simulation_service_pb2
from ballast.triage.v1 import (
    budget_events_pb2,
    budget_policy_service_pb2,
    calibration_service_pb2,
    catalogue_service_pb2,
    error_budget_service_pb2,
    gate_service_pb2,
    queue_service_pb2,
    sli_service_pb2,
    slo_service_pb2,
    triage_events_pb2,
    triage_service_pb2,
)

from shared.errors import invalid_field

_EVENT_FILES: Sequence[Any] = (
    access_observed_pb2,
    allocation_events_pb2,
    amendment_events_pb2,
    budget_events_pb2,
    call_recorded_pb2,
    governance_events_pb2,
    intake_events_pb2,
    ledger_events_pb2,
    lineage_events_pb2,
    muting_events_pb2,
    outbox_manifest_pb2,
    playbook_events_pb2,
    triage_events_pb2,
)
_SERVICE_FILES: Sequence[Any] = (
    access_log_service_pb2,
    adherence_service_pb2,
    allocation_service_pb2,
    capacity_service_pb2,
    backtest_service_pb2,
    decision_service_pb2,
    demand_service_pb2,
    plan_service_pb2,
    policy_service_pb2,
    work_service_pb2,
    split_service_pb2,
    scenario_service_pb2,
    amendment_service_pb2,
    approval_rule_service_pb2,
    approval_service_pb2,
    budget_policy_service_pb2,
    calibration_service_pb2,
    catalogue_service_pb2,
    error_budget_service_pb2,
    event_admin_service_pb2,
    event_sink_service_pb2,
    gate_service_pb2,
    governance_service_pb2,
    grouping_service_pb2,
    incident_service_pb2,
    intake_service_pb2,
    ledger_service_pb2,
    lineage_service_pb2,
    muting_service_pb2,
    playbook_service_pb2,
    queue_service_pb2,
    segment_service_pb2,
    signal_service_pb2,
    simulation_service_pb2,
    sli_service_pb2,
    slo_service_pb2,
    triage_service_pb2,
)
# A file of access_observed and its kin also has the rows of its event.
_PARTS = {"ballast.events.v1.AccessRow"}

EVENT_TYPES = frozenset(each.full_name for file in _EVENT_FILES for each in file.DESCRIPTOR.message_types_by_name.values()) - _PARTS
_SERVICES = tuple(chain.from_iterable(file.DESCRIPTOR.services_by_name.values() for file in _SERVICE_FILES))
METHODS = frozenset(f"{service.full_name}/{name}" for service in _SERVICES for name in service.methods_by_name)


def event_type(argument: str, text: str) -> str:
    """Returns the type of event, such as `ballast.intake.v1.IncidentOpened` for `IncidentOpened`; nothing for nothing.

    A name with a dot that ends none stays as it is: others than the suite's services have types too. Raises InvalidInput.
    """
    return _whole(argument, text, EVENT_TYPES, ("a type of event", "."))


def method_name(argument: str, text: str) -> str:
    """Returns the RPC, such as `ballast.governance.v1.AccessService/ListAccess` for `ListAccess`; nothing for nothing.

    A name with a slash that ends none stays as it is: services may be newer than this command. Raises InvalidInput.
    """
    return _whole(argument, text, METHODS, ("an RPC", "/"))


def _whole(argument: str, text: str, known: Collection[str], kind: tuple[str, str]) -> str:
    what, mark = kind
    name = text.strip()
    if not name or name in known:
        return name
    meant = sorted(each for each in known if each.lower().endswith((f".{name.lower()}", f"/{name.lower()}")))
    if len(meant) == 1:
        return meant[0]
    if meant:
        raise invalid_field(argument, f"{text!r} may be {' or '.join(meant)}; give the whole name")
    if mark in name:
        return name
    raise invalid_field(argument, f"{text!r} is no known name of {what}; {_near(name, known)}")


def _near(name: str, known: Collection[str]) -> str:
    short = {each.replace("/", ".").rpartition(".")[2].lower(): each for each in sorted(known)}
    found = [short[each] for each in get_close_matches(name.lower(), short, n=3, cutoff=0.5)]
    return f"near it are {', '.join(found)}" if found else f"give one such as {min(known)}, whole or its last part"
