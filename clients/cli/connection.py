"""The connection: channels to the services a command asks, opened when first used, and what to say when one is away."""

import getpass
import os
from collections.abc import Awaitable, Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import grpc
from ballast.allocation.v1.adherence_service_pb2_grpc import AdherenceServiceStub
from ballast.allocation.v1.allocation_service_pb2_grpc import AllocationServiceStub
from ballast.allocation.v1.backtest_service_pb2_grpc import BacktestServiceStub
from ballast.allocation.v1.capacity_service_pb2_grpc import CapacityServiceStub
from ballast.allocation.v1.decision_service_pb2_grpc import DecisionServiceStub
from ballast.allocation.v1.demand_service_pb2_grpc import DemandServiceStub
from ballast.allocation.v1.plan_service_pb2_grpc import PlanServiceStub
from ballast.allocation.v1.policy_service_pb2_grpc import PolicyServiceStub
from ballast.allocation.v1.scenario_service_pb2_grpc import ScenarioServiceStub
from ballast.allocation.v1.split_service_pb2_grpc import SplitServiceStub
from ballast.allocation.v1.work_service_pb2_grpc import WorkServiceStub
from ballast.amendments.v1.amendment_service_pb2_grpc import AmendmentServiceStub
from ballast.events.v1.event_admin_service_pb2_grpc import EventAdminServiceStub
from ballast.governance.v1.access_log_service_pb2_grpc import AccessServiceStub
from ballast.governance.v1.approval_rule_service_pb2_grpc import ApprovalRuleServiceStub
from ballast.governance.v1.approval_service_pb2_grpc import ApprovalServiceStub
from ballast.governance.v1.governance_service_pb2_grpc import GovernanceServiceStub
from ballast.governance.v1.ledger_service_pb2_grpc import LedgerServiceStub
from ballast.governance.v1.lineage_service_pb2_grpc import LineageServiceStub
from ballast.governance.v1.segment_service_pb2_grpc import SegmentServiceStub
from ballast.intake.v1.grouping_service_pb2_grpc import GroupingServiceStub
from ballast.intake.v1.incident_service_pb2_grpc import IncidentServiceStub
from ballast.intake.v1.intake_service_pb2_grpc import IntakeServiceStub
from ballast.intake.v1.muting_service_pb2_grpc import MutingServiceStub
from ballast.intake.v1.signal_service_pb2_grpc import SignalServiceStub
from ballast.playbook.v1.playbook_service_pb2_grpc import PlaybookServiceStub
from ballast.triage.v1.budget_policy_service_pb2_grpc import BudgetPolicyServiceStub
from ballast.triage.v1.calibration_service_pb2_grpc import CalibrationServiceStub
from ballast.triage.v1.catalogue_service_pb2_grpc import CatalogueServiceStub
from ballast.triage.v1.error_budget_service_pb2_grpc import ErrorBudgetServiceStub
from ballast.triage.v1.gate_service_pb2_grpc import GateServiceStub
from ballast.triage.v1.queue_service_pb2_grpc import QueueServiceStub
from ballast.triage.v1.sli_service_pb2_grpc import SliServiceStub
from ballast.triage.v1.slo_service_pb2_grpc import SloServiceStub
from ballast.triage.v1.triage_service_pb2_grpc import TriageServiceStub
from google.protobuf.message import Message

from clients.cli.addresses import address_key
from clients.cli.served import contracts_of
from shared.errors import BallastError, DeadlineExceeded, Unavailable, invalid_field
from shared.rpc.client import DEFAULT_DEADLINE_SECONDS, Channel, ClientCredentials, connect

if TYPE_CHECKING:  # these exist for the type checker only
    from ballast.allocation.v1.adherence_service_pb2_grpc import AdherenceServiceAsyncStub
    from ballast.allocation.v1.allocation_service_pb2_grpc import AllocationServiceAsyncStub
    from ballast.allocation.v1.backtest_service_pb2_grpc import BacktestServiceAsyncStub
    from ballast.allocation.v1.capacity_service_pb2_grpc import CapacityServiceAsyncStub
    from ballast.allocation.v1.decision_service_pb2_grpc import DecisionServiceAsyncStub
    from ballast.allocation.v1.demand_service_pb2_grpc import DemandServiceAsyncStub
    from ballast.allocation.v1.plan_service_pb2_grpc import PlanServiceAsyncStub
    from ballast.allocation.v1.policy_service_pb2_grpc import PolicyServiceAsyncStub
    from ballast.allocation.v1.scenario_service_pb2_grpc import ScenarioServiceAsyncStub
    from ballast.allocation.v1.split_service_pb2_grpc import SplitServiceAsyncStub
    from ballast.allocation.v1.work_service_pb2_grpc import WorkServiceAsyncStub
    from ballast.amendments.v1.amendment_service_pb2_grpc import AmendmentServiceAsyncStub
    from ballast.events.v1.event_admin_service_pb2_grpc import EventAdminServiceAsyncStub
    from ballast.governance.v1.access_log_service_pb2_grpc import AccessServiceAsyncStub
    from ballast.governance.v1.approval_rule_service_pb2_grpc import ApprovalRuleServiceAsyncStub
    from ballast.governance.v1.approval_service_pb2_grpc import ApprovalServiceAsyncStub
    from ballast.governance.v1.governance_service_pb2_grpc import GovernanceServiceAsyncStub
    from ballast.governance.v1.ledger_service_pb2_grpc import LedgerServiceAsyncStub
    from ballast.governance.v1.lineage_service_pb2_grpc import LineageServiceAsyncStub
    from ballast.governance.v1.segment_service_pb2_grpc import SegmentServiceAsyncStub
    from ballast.intake.v1.grouping_service_pb2_grpc import GroupingServiceAsyncStub
    from ballast.intake.v1.incident_service_pb2_grpc import IncidentServiceAsyncStub
    from ballast.intake.v1.intake_service_pb2_grpc import IntakeServiceAsyncStub
    from ballast.intake.v1.muting_service_pb2_grpc import MutingServiceAsyncStub
    from ballast.intake.v1.signal_service_pb2_grpc import SignalServiceAsyncStub
    from ballast.playbook.v1.playbook_service_pb2_grpc import PlaybookServiceAsyncStub
    from ballast.triage.v1.budget_policy_service_pb2_grpc import BudgetPolicyServiceAsyncStub
    from ballast.triage.v1.calibration_service_pb2_grpc import CalibrationServiceAsyncStub
    from ballast.triage.v1.catalogue_service_pb2_grpc import CatalogueServiceAsyncStub
    from ballast.triage.v1.error_budget_service_pb2_grpc import ErrorBudgetServiceAsyncStub
    from ballast.triage.v1.gate_service_pb2_grpc import GateServiceAsyncStub
    from ballast.triage.v1.queue_service_pb2_grpc import QueueServiceAsyncStub
    from ballast.triage.v1.sli_service_pb2_grpc import SliServiceAsyncStub
    from ballast.triage.v1.slo_service_pb2_grpc import SloServiceAsyncStub
    from ballast.triage.v1.triage_service_pb2_grpc import TriageServiceAsyncStub

LARGEST_PAGE = 1000
Response = TypeVar("Response", bound=Message)


class Connection:
    """Stubs for the services at `addresses`. Use within one event loop; `close` at the end."""

    def __init__(self, addresses: Mapping[str, str], credentials: ClientCredentials, timeout_seconds: float | None) -> None:
        self.timeout_seconds = timeout_seconds
        self._addresses = addresses
        self._credentials = credentials
        self._channels: dict[str, Channel] = {}

    @cached_property
    def intake(self) -> "IntakeServiceAsyncStub":
        return IntakeServiceStub(self._channel("intake"))

    @cached_property
    def grouping(self) -> "GroupingServiceAsyncStub":
        return GroupingServiceStub(self._channel("intake"))

    @cached_property
    def signals(self) -> "SignalServiceAsyncStub":
        return SignalServiceStub(self._channel("intake"))

    @cached_property
    def incidents(self) -> "IncidentServiceAsyncStub":
        return IncidentServiceStub(self._channel("intake"))

    @cached_property
    def muting(self) -> "MutingServiceAsyncStub":
        return MutingServiceStub(self._channel("intake"))

    @cached_property
    def triage(self) -> "TriageServiceAsyncStub":
        return TriageServiceStub(self._channel("triage"))

    @cached_property
    def catalogue(self) -> "CatalogueServiceAsyncStub":
        return CatalogueServiceStub(self._channel("triage"))

    @cached_property
    def queue(self) -> "QueueServiceAsyncStub":
        return QueueServiceStub(self._channel("triage"))

    @cached_property
    def gates(self) -> "GateServiceAsyncStub":
        return GateServiceStub(self._channel("triage"))

    @cached_property
    def budgets(self) -> "ErrorBudgetServiceAsyncStub":
        return ErrorBudgetServiceStub(self._channel("triage"))

    @cached_property
    def budget_policies(self) -> "BudgetPolicyServiceAsyncStub":
        return BudgetPolicyServiceStub(self._channel("triage"))

    @cached_property
    def sli(self) -> "SliServiceAsyncStub":
        return SliServiceStub(self._channel("triage"))

    @cached_property
    def slos(self) -> "SloServiceAsyncStub":
        return SloServiceStub(self._channel("triage"))

    @cached_property
    def calibration(self) -> "CalibrationServiceAsyncStub":
        return CalibrationServiceStub(self._channel("triage"))

    @cached_property
    def allocation(self) -> "AllocationServiceAsyncStub":
        return AllocationServiceStub(self._channel("allocation"))

    @property
    def plans(self) -> "PlanServiceAsyncStub":
        return PlanServiceStub(self._channel("allocation"))

    @cached_property
    def backtests(self) -> "BacktestServiceAsyncStub":
        return BacktestServiceStub(self._channel("allocation"))

    @cached_property
    def scenarios(self) -> "ScenarioServiceAsyncStub":
        return ScenarioServiceStub(self._channel("allocation"))

    @cached_property
    def policies(self) -> "PolicyServiceAsyncStub":
        return PolicyServiceStub(self._channel("allocation"))

    @cached_property
    def demand(self) -> "DemandServiceAsyncStub":
        return DemandServiceStub(self._channel("allocation"))

    @cached_property
    def capacity(self) -> "CapacityServiceAsyncStub":
        return CapacityServiceStub(self._channel("allocation"))

    @cached_property
    def work(self) -> "WorkServiceAsyncStub":
        return WorkServiceStub(self._channel("allocation"))

    @cached_property
    def adherence(self) -> "AdherenceServiceAsyncStub":
        return AdherenceServiceStub(self._channel("allocation"))

    @cached_property
    def decisions(self) -> "DecisionServiceAsyncStub":
        return DecisionServiceStub(self._channel("allocation"))

    @cached_property
    def splits(self) -> "SplitServiceAsyncStub":
        return SplitServiceStub(self._channel("allocation"))

    @cached_property
    def playbook(self) -> "PlaybookServiceAsyncStub":
        return PlaybookServiceStub(self._channel("playbook"))

    @cached_property
    def governance(self) -> "GovernanceServiceAsyncStub":
        return GovernanceServiceStub(self._channel("governance"))

    @cached_property
    def ledger(self) -> "LedgerServiceAsyncStub":
        return LedgerServiceStub(self._channel("governance"))

    @cached_property
    def lineage(self) -> "LineageServiceAsyncStub":
        return LineageServiceStub(self._channel("governance"))

    @cached_property
    def segments(self) -> "SegmentServiceAsyncStub":
        return SegmentServiceStub(self._channel("governance"))

    @cached_property
    def approvals(self) -> "ApprovalServiceAsyncStub":
        return ApprovalServiceStub(self._channel("governance"))

    @cached_property
    def approval_rules(self) -> "ApprovalRuleServiceAsyncStub":
        return ApprovalRuleServiceStub(self._channel("governance"))

    @cached_property
    def access(self) -> "AccessServiceAsyncStub":
        return AccessServiceStub(self._channel("governance"))

    def event_admin(self, service: str) -> "EventAdminServiceAsyncStub":
        """Returns the stub for the outbox of one service."""
        return EventAdminServiceStub(self._channel(service))

    def amendments(self, service: str) -> "AmendmentServiceAsyncStub":
        """Returns the stub for the change control of one service."""
        return AmendmentServiceStub(self._channel(service))

    async def close(self) -> None:
        for channel in self._channels.values():
            await channel.close()

    def explained(self, error: BallastError, asked: str = "") -> BallastError:
        """Returns the error a person can act on: which service is away and where it was looked for, or that time ran out.

        `asked` is the service that raised it, where that is known.
        """
        if isinstance(error, DeadlineExceeded):
            seconds = self.timeout_seconds or DEFAULT_DEADLINE_SECONDS
            return DeadlineExceeded(f"{self._who(error, asked)} gave no answer within {seconds:g} s; give it more with --timeout SECONDS")
        if isinstance(error, Unavailable) and error.reason == Unavailable.reason:
            who = self._who(error, asked)
            return Unavailable(f"{who} is away ({error.message}); start the suite with: ballast up — or say where it is")
        return error

    def _who(self, error: BallastError, asked: str) -> str:
        """Names the services asked, or the one among them whose address gRPC complains of."""
        named = [asked] if asked else [service for service, channel in self._channels.items() if channel.target in error.message]
        chosen = named or list(self._channels)
        return ", ".join(
            f"{service} at {self._channels[service].target} (--{service}-address, {address_key(service)})" for service in chosen
        )

    def _channel(self, service: str) -> grpc.aio.Channel:
        if service not in self._channels:
            self._channels[service] = connect(
                self._addresses[service],
                contracts_of(service),
                credentials=self._credentials,
                deadline_seconds=self.timeout_seconds or DEFAULT_DEADLINE_SECONDS,
            )
        return self._channels[service].grpc


async def every_page(call: Callable[..., Awaitable[Response]], request: Message, field: str, limit: int) -> Response:
    """Calls a List RPC page after page and returns one answer with up to `limit` of `field`, all when zero.

    Its `next_page_token` is empty only when nothing was left out.
    """
    asked = type(request)()
    asked.CopyFrom(request)
    merged: Response | None = None
    while True:
        left = limit - (len(getattr(merged, field)) if merged is not None else 0)
        asked.page_size = min(LARGEST_PAGE, left) if limit else LARGEST_PAGE  # type: ignore[attr-defined]  # every List request has it
        page = await call(asked)
        token: str = page.next_page_token  # type: ignore[attr-defined]  # and every List response this
        if merged is None:
            merged = page
        else:
            merged.MergeFrom(page)
            merged.next_page_token = token  # type: ignore[attr-defined]  # merging keeps an old token where the new one is empty
        if not token or (limit and len(getattr(merged, field)) >= limit):
            return merged
        asked.page_token = token  # type: ignore[attr-defined]


def credentials_from(environment: Mapping[str, str]) -> ClientCredentials:
    """Reads who calls: BALLAST_CLIENT_CA, _CERT and _KEY (PEM files), BALLAST_TOKEN; without them the login name, for the record.

    Raises InvalidInput for a file that cannot be read, and for a token without an authority: it would travel in clear.
    """
    token = environment.get("BALLAST_TOKEN", "")
    ca, cert, key = (_readable(environment, f"BALLAST_CLIENT_{part}") for part in ("CA", "CERT", "KEY"))
    if token and ca is None:
        raise invalid_field("BALLAST_TOKEN", "would travel unencrypted; set BALLAST_CLIENT_CA as well", reason="CREDENTIALS_INVALID")
    if bool(cert) != bool(key):
        raise invalid_field("BALLAST_CLIENT_CERT", "stands without BALLAST_CLIENT_KEY or the other way about", reason="CREDENTIALS_INVALID")
    return ClientCredentials(ca=ca, cert=cert, key=key, token=token, local_name=_login_name())


def _readable(environment: Mapping[str, str], name: str) -> Path | None:
    if not environment.get(name):
        return None
    path = Path(environment[name])
    if not os.access(path, os.R_OK):
        raise invalid_field(name, f"{path} cannot be read; give the path of a PEM file", reason="CREDENTIALS_INVALID")
    return path


def _login_name() -> str:
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a user id without an entry, as in many containers
        return "local"
    # It travels as metadata, which carries printable ASCII only.
    return name if name.isascii() and name.isprintable() else "local"
