"""Documents under change control as files: what each kind is read from, and written as."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from ballast.allocation.v1 import allocation_messages_pb2 as allocation_pb
from ballast.allocation.v1.allocation_policy_pb2 import AllocationPolicy
from ballast.intake.v1 import grouping_service_pb2 as grouping_pb
from ballast.intake.v1.grouping_rules_pb2 import GroupingRules
from ballast.triage.v1 import budget_policy_service_pb2 as policy_pb
from ballast.triage.v1 import gate_service_pb2 as gate_pb
from ballast.triage.v1 import triage_service_pb2 as triage_pb
from ballast.triage.v1.budget_policy_pb2 import BudgetPolicy
from ballast.triage.v1.gate_pb2 import GatingRules
from ballast.triage.v1.severity_matrix_pb2 import SeverityMatrix
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message

from clients.cli.connection import Connection
from clients.cli.message_file import message_yaml, read_message
from shared.errors import invalid_field

LARGEST_BYTES = 256 * 1024
_SERVERS = ("revision", "author", "reason", "etag", "create_time")


async def _matrix(connection: Connection, _: str, revision: int) -> Message:
    return (await connection.triage.GetSeverityMatrix(triage_pb.GetSeverityMatrixRequest(revision=revision))).matrix


async def _gates(connection: Connection, _: str, revision: int) -> Message:
    return (await connection.gates.GetGatingRules(gate_pb.GetGatingRulesRequest(revision=revision))).gates


async def _budget_policy(connection: Connection, _: str, revision: int) -> Message:
    return (await connection.budget_policies.GetBudgetPolicy(policy_pb.GetBudgetPolicyRequest(revision=revision))).policy


async def _allocation_policy(connection: Connection, name: str, revision: int) -> Message:
    request = allocation_pb.GetAllocationPolicyRequest(name=name, revision=revision)
    return (await connection.allocation.GetAllocationPolicy(request)).policy


async def _grouping_rules(connection: Connection, _: str, revision: int) -> Message:
    return (await connection.grouping.GetGroupingRules(grouping_pb.GetGroupingRulesRequest(revision=revision))).rules


@dataclass(frozen=True, slots=True)
class Form:
    """How documents of one type are made and asked for: by name and version, 0 for the one in force."""

    message: type[Message]
    get: Callable[[Connection, str, int], Awaitable[Message]]


_FORMS = {
    each.message.DESCRIPTOR.full_name: each
    for each in (
        Form(SeverityMatrix, _matrix),
        Form(GatingRules, _gates),
        Form(BudgetPolicy, _budget_policy),
        Form(AllocationPolicy, _allocation_policy),
        Form(GroupingRules, _grouping_rules),
    )
}


def form_of(type_name: str) -> Form:
    """Raises InvalidInput for a type of document that this version of the command does not know."""
    if type_name not in _FORMS:
        raise invalid_field("DOCUMENT", f"is a {type_name}, which this command does not know; use a newer one", reason="TYPE_UNKNOWN")
    return _FORMS[type_name]


def body_from(text: str, type_name: str, document: str) -> AnyMessage:
    """Reads a file as the commands of its kind do: grouping rules are the text itself. Raises InvalidInput saying where it is amiss."""
    message = form_of(type_name).message()
    if isinstance(message, GroupingRules):
        message.yaml = text
    else:
        read_message(text, message)
    if isinstance(message, AllocationPolicy) and not message.name:
        message.name = document
    packed = AnyMessage()
    packed.Pack(message, deterministic=True)
    return packed


def body_of(packed: AnyMessage) -> Message:
    """Raises InvalidInput for a type of document that this version of the command does not know."""
    message = form_of(packed.TypeName()).message()
    packed.Unpack(message)
    return message


def text_of(body: Message) -> str:
    """Returns a file that `body_from` takes."""
    return body.yaml if isinstance(body, GroupingRules) else message_yaml(body, *_SERVERS)
