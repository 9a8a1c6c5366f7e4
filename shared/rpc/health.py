"""Health: grpc.health.v1 with Check, List and Watch, and reflection for tools."""

from collections.abc import Sequence
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2
from grpc_health.v1._async import HealthServicer as AsyncHealthServicer
from grpc_reflection.v1alpha import reflection
from grpc_reflection.v1alpha._async import ReflectionServicer
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest, ServerReflectionResponse

LIVENESS = "liveness"
READINESS = "readiness"
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class HealthServicer(AsyncHealthServicer):  # type: ignore[misc]  # untyped library
    """The library's health servicer with List, which it lacks.

    Answers for "" (the whole server), each gRPC service, `liveness` (the process runs) and `readiness` (it may be sent work).
    """

    async def List(self, request: health_pb2.HealthListRequest, context: Any) -> health_pb2.HealthListResponse:
        del request, context
        statuses = {name: health_pb2.HealthCheckResponse(status=status) for name, status in self._server_status.items()}
        return health_pb2.HealthListResponse(statuses=statuses)

    async def set_ready(self, names: Sequence[str], *, ready: bool) -> None:
        """Says whether the server and its services may be sent work; liveness stays as it is."""
        for name in ("", READINESS, *names):
            await self.set(name, SERVING if ready else NOT_SERVING)


def add_reflection(server: grpc.aio.Server, names: Sequence[str]) -> None:
    """Serves reflection v1alpha for old tools and v1, whose messages are the same on the wire."""
    servicer = ReflectionServicer([*names, health.SERVICE_NAME, reflection.SERVICE_NAME, "grpc.reflection.v1.ServerReflection"])
    handler = grpc.stream_stream_rpc_method_handler(
        servicer.ServerReflectionInfo,
        request_deserializer=ServerReflectionRequest.FromString,
        response_serializer=ServerReflectionResponse.SerializeToString,
    )
    for name in ("grpc.reflection.v1.ServerReflection", reflection.SERVICE_NAME):
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, {"ServerReflectionInfo": handler}),))
