"""The access log of one process: calls counted in memory by who made them, which RPC and what came of it, until somebody takes them."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import grpc

from shared.clock import Clock
from shared.errors import PermissionDenied, Unauthenticated
from shared.principal import admitted_name
from shared.rpc.method import Method
from shared.rpc.pipeline import Call, Step
from shared.rpc.status import code_of, sole_error
from shared.telemetry import trace_ids

if TYPE_CHECKING:
    from opentelemetry.metrics import Meter

ANONYMOUS = "anonymous"
MOST_ROWS = 500  # of denied calls, and again of others: who floods with one kind leaves the other its room
_LONGEST_NAME = 256
# Asked all the time by whatever runs the suite; and an event that told of deliveries would be delivered, and told of, without end.
_UNCOUNTED = ("grpc.health.", "grpc.reflection.", "ballast.events.v1.EventSinkService/")
_OK = grpc.StatusCode.OK.name


@dataclass(frozen=True, slots=True)
class AccessKey:
    """What is alike about calls that are counted together; all but `code` is empty for those there was no room for."""

    principal: str
    method: str
    code: str
    role: str = ""
    reason: str = ""
    peer: str = ""


@dataclass(slots=True)
class AccessCount:
    """How many, from when to when, and the trace of the last one where it was denied."""

    count: int
    first: datetime
    last: datetime
    trace_id: str = ""

    def add(self, other: "AccessCount") -> None:
        """Adds counts of the same calls at other times."""
        self.count += other.count
        self.first = min(self.first, other.first)
        if other.last >= self.last:
            self.last, self.trace_id = other.last, other.trace_id or self.trace_id


Counts = dict[AccessKey, AccessCount]


class AccessLog:
    """Counts; of what there is no room for, only how many for each status. `ballast_rpc_calls_denied` counts denied calls as they come."""

    def __init__(self, clock: Clock, meter: "Meter", most_rows: int = MOST_ROWS) -> None:
        self._clock = clock
        self._most_rows = most_rows
        self._denied = meter.create_counter("ballast_rpc_calls_denied", "{call}", "Calls denied, by reason.")
        self._rows: tuple[Counts, Counts] = ({}, {})  # of other calls, and of denied ones
        self._begin = clock.now()

    def answered(self, key: AccessKey) -> None:
        """Counts one more call that was not denied. Costs a look-up."""
        now = self._clock.now()
        row = self._rows[0].get(key)
        if row is None:
            self._merge(0, key, AccessCount(1, now, now))
        else:
            row.count += 1
            row.last = now

    def denied(self, key: AccessKey, trace_id: str) -> None:
        """Counts one more call that was denied."""
        now = self._clock.now()
        self._denied.add(1, {"error.type": key.code, "ballast.access.reason": key.reason})
        self._merge(1, key, AccessCount(1, now, now, trace_id))

    def take(self) -> tuple[datetime, list[tuple[AccessKey, AccessCount]]]:
        """Returns when counting began and what was counted since, and begins anew."""
        begin, rows = self._begin, [*self._rows[0].items(), *self._rows[1].items()]
        self._rows, self._begin = ({}, {}), self._clock.now()
        return begin, sorted(rows, key=lambda row: row[1].first)

    def put_back(self, begin: datetime, rows: Iterable[tuple[AccessKey, AccessCount]]) -> None:
        """Has what was taken, and could not be told, taken with what comes next."""
        self._begin = begin
        for key, count in rows:
            self._merge(int(key.code in _DENIALS), key, count)

    def _merge(self, kind: int, key: AccessKey, count: AccessCount) -> None:
        rows = self._rows[kind]
        if key not in rows and len(rows) >= self._most_rows:
            key, count = AccessKey("", "", key.code), AccessCount(count.count, count.first, count.last)
        held = rows.setdefault(key, count)
        if held is not count:
            held.add(count)


class AccessLogStage:
    """Counts each call once it has ended. Stands right within the errors' stage: there the reason of a denial is still known."""

    def __init__(self, log: AccessLog) -> None:
        self._log = log

    def around(self, method: Method, then: Step) -> Step:
        log, name, role = self._log, method.full_name, method.role
        is_counted = not name.startswith(_UNCOUNTED)
        fine: dict[str, AccessKey] = {}  # by principal: a key hashes its strings anew, and the same few callers come again and again

        async def counted(call: Call) -> Any:
            try:
                answer = await then(call)
            except (Exception, asyncio.CancelledError) as error:
                self._failed(method, call, error, is_counted=is_counted)
                raise
            if is_counted:
                principal = admitted_name()
                key = fine.get(principal)
                if key is None:
                    key = AccessKey(_cut(principal), name, _OK, role)
                    if len(fine) < MOST_ROWS:
                        fine[principal] = key
                log.answered(key)
            return answer

        return counted

    def _failed(self, method: Method, call: Call, error: BaseException, *, is_counted: bool) -> None:
        code, reason = _outcome_of(error, call)
        if code in _DENIALS:
            key = AccessKey(_cut(_principal_of(error)), method.full_name, code, method.role, _cut(reason), host_of(call.context.peer()))
            self._log.denied(key, trace_ids()[0])
        elif is_counted:
            self._log.answered(AccessKey(_cut(_principal_of(error)), method.full_name, code, method.role))


_DENIALS = frozenset(code_of(kind("")).name for kind in (PermissionDenied, Unauthenticated))


def host_of(peer: str) -> str:
    """Returns the address of gRPC's `ipv4:127.0.0.1:5000` or `ipv6:%5B::1%5D:5000`; the port is another for each connection."""
    family, _, rest = unquote(peer).partition(":")
    return rest.rpartition(":")[0].strip("[]")[:_LONGEST_NAME] if family in {"ipv4", "ipv6"} else peer[:_LONGEST_NAME]


def _outcome_of(error: BaseException, call: Call) -> tuple[str, str]:
    if isinstance(error, asyncio.CancelledError):
        return grpc.StatusCode.CANCELLED.name, ""
    ours = sole_error(error)
    if ours is not None:
        return code_of(ours).name, ours.reason
    if isinstance(error, grpc.aio.AbortError):
        number: Any = call.context.code()
        return next((each.name for each in grpc.StatusCode if number in (each, each.value[0])), grpc.StatusCode.UNKNOWN.name), ""
    return grpc.StatusCode.INTERNAL.name, ""


def _principal_of(error: BaseException) -> str:
    """Returns who called; who was turned away at the door is named by the refusal alone, and only where its name was proved."""
    named = error.metadata.get("principal", "") if isinstance(error, PermissionDenied) else ""
    return admitted_name() or named or ANONYMOUS


def _cut(text: str) -> str:
    return text[:_LONGEST_NAME]
