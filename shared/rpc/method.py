"""What the contract says of an RPC: its access rule, whether a retry is safe, whether it only reads."""

from dataclasses import dataclass
from functools import cache

from ballast.access.v1 import access_pb2
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions


@dataclass(frozen=True, slots=True)
class Method:
    """An RPC by its full name, `package.Service/Method`, and what its contract declares."""

    full_name: str
    role: str  # lower case; empty where the contract has no access rule, as for health and reflection
    team_field: str
    retry_safe: bool
    only_reads: bool  # has no side effects, so that nothing is left to find out about a call that failed


@cache
def method_of(path: str) -> Method:
    """Returns the RPC of a gRPC path such as `/ballast.intake.v1.IntakeService/GetIncident`."""
    full_name = path.lstrip("/")
    descriptor = _descriptor(full_name)
    if descriptor is None:
        return Method(full_name, "", "", retry_safe=False, only_reads=False)
    options = descriptor.GetOptions()
    rule = options.Extensions[access_pb2.rule]
    role = access_pb2.Role.Name(rule.role).removeprefix("ROLE_").lower() if rule.role else ""
    level = options.idempotency_level
    return Method(
        full_name,
        role,
        rule.team_field,
        retry_safe=level != MethodOptions.IDEMPOTENCY_UNKNOWN,
        only_reads=level == MethodOptions.NO_SIDE_EFFECTS,
    )


def retry_safe_methods(service: ServiceDescriptor) -> list[str]:
    """Names of the service's RPCs that the contract declares safe to retry."""
    return [name for name in service.methods_by_name if method_of(f"/{service.full_name}/{name}").retry_safe]


def _descriptor(full_name: str) -> MethodDescriptor | None:
    service, _, name = full_name.partition("/")
    try:
        return descriptor_pool.Default().FindServiceByName(service).methods_by_name.get(name)
    except KeyError:
        return None
