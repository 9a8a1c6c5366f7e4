"""The stages every call passes, in a fixed order, around any handler: unary or streaming."""

import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import grpc
from google.protobuf.descriptor import Descriptor, MethodDescriptor
from google.protobuf.message import DecodeError

from shared.rpc.method import Method, method_of
from shared.rpc.native import parser_of
from shared.rpc.salvage import salvaging
from shared.rpc.streamed import Check, Requests, StreamEnded

# The published types are generic, the classes themselves are not.
if TYPE_CHECKING:
    Context = grpc.aio.ServicerContext[Any, Any]
    Handler = grpc.RpcMethodHandler[Any, Any]
    Handlers = grpc.GenericRpcHandler[Any, Any]
else:
    Context, Handler, Handlers = grpc.aio.ServicerContext, grpc.RpcMethodHandler, grpc.GenericRpcHandler


@dataclass(frozen=True, slots=True)
class Oversized:
    """Stands for a request too large to be parsed, so that the refusal can come as one of our own errors."""

    size: int
    limit: int


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Stands for a request that is no message of its type, for the same reason."""

    cause: str


@dataclass(slots=True)
class Call:
    """A call under way. `request` is a message, or None where the caller streams; `given` is what the handler gets."""

    request: Any
    given: Any
    context: Context
    metadata: Mapping[str, str | bytes] = field(init=False)

    def __post_init__(self) -> None:
        self.metadata = dict(self.context.invocation_metadata() or ())  # once: gRPC builds it anew for whoever asks


Step = Callable[[Call], Awaitable[Any]]


class Stage(Protocol):
    """Acts before a call, after it, and on its errors."""

    def around(self, method: Method, then: Step) -> Step:
        """Returns the step that does this stage's part around `then`; asked once for each method, so what it can prepare is free."""


class Pipeline:
    """Wraps each handler once in the given stages, the first outermost. `check` sees every message of a caller that streams."""

    def __init__(self, stages: Sequence[Stage], check: Check, largest_message_bytes: int) -> None:
        self._stages = tuple(stages)
        self._check = check
        self._limit = largest_message_bytes
        self._streams: set[Requests] = set()
        self._salvaged: dict[str, tuple[Descriptor, str]] = {}

    def salvage(self, method: MethodDescriptor, batch: str) -> None:
        """Has items of the request's repeated field `batch` that cannot be decoded refused alone; to be called before `wrap`."""
        self._salvaged[f"/{method.containing_service.full_name}/{method.name}"] = (method.input_type, batch)

    def end_streams(self) -> None:
        """Ends what callers stream to handlers that answer as they read: these answer what they have read and are done.

        Their callers are then told to go on elsewhere. A handler with one answer for its whole stream reads on: to it the end would
        mean that all was said.
        """
        for each in tuple(self._streams):
            each.end()

    def wrap(self, path: str, handler: Any) -> Handler:
        """Returns the handler of the RPC at `path`, `/package.Service/Method`, with the stages around it."""
        make, behaviour = {
            (False, False): (grpc.unary_unary_rpc_method_handler, handler.unary_unary),
            (False, True): (grpc.unary_stream_rpc_method_handler, handler.unary_stream),
            (True, False): (grpc.stream_unary_rpc_method_handler, handler.stream_unary),
            (True, True): (grpc.stream_stream_rpc_method_handler, handler.stream_stream),
        }[(handler.request_streaming, handler.response_streaming)]
        return make(
            self._respond(method_of(path), behaviour, handler),
            request_deserializer=self._limited(self._salvaging(path, parser_of(behaviour, handler.request_deserializer))),
            response_serializer=handler.response_serializer,
        )

    def _salvaging(self, path: str, deserialize: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
        return salvaging(deserialize, *self._salvaged[path]) if path in self._salvaged else deserialize

    def _limited(self, deserialize: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
        limit = self._limit

        def limited(raw: bytes) -> Any:
            if len(raw) > limit:
                return Oversized(len(raw), limit)
            try:
                return deserialize(raw)
            except (DecodeError, ValueError, RecursionError) as error:  # the last two from protobuf-py
                return Unreadable(str(error))

        return limited

    def _respond(self, method: Method, behaviour: Callable[..., Any], handler: Any) -> Callable[..., Awaitable[Any]]:
        step = _written(behaviour) if handler.response_streaming else _returned(behaviour)
        for stage in reversed(self._stages):
            step = stage.around(method, step)

        async def respond(request: Any, context: Context) -> Any:
            return await step(Call(request, request, context))

        async def respond_to_stream(messages: Any, context: Context) -> Any:
            requests = Requests(messages, method, self._check)
            if not handler.response_streaming:
                return await step(Call(None, requests, context))
            self._streams.add(requests)
            try:
                return await step(Call(None, requests, context))
            finally:
                self._streams.discard(requests)

        return respond_to_stream if handler.request_streaming else respond


class Registrar:
    """What generated code registers a servicer with: passes its handlers on to a server, wrapped.

    Not an interceptor of gRPC's: that would be asked at every call.
    """

    def __init__(self, server: grpc.aio.Server, pipeline: Pipeline) -> None:
        self._server = server
        self._pipeline = pipeline

    def add_generic_rpc_handlers(self, handlers: Iterable[Handlers]) -> None:
        self._server.add_generic_rpc_handlers(tuple(_Wrapping(each, self._pipeline) for each in handlers))

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, Handler]) -> None:
        wrapped = {name: self._pipeline.wrap(f"/{service}/{name}", handler) for name, handler in handlers.items()}
        self._server.add_registered_method_handlers(service, wrapped)  # type: ignore[attr-defined]  # the published types lag


class _Wrapping(Handlers):
    def __init__(self, inner: Handlers, pipeline: Pipeline) -> None:
        self._inner = inner
        self._pipeline = pipeline
        self._wrapped: dict[str, Handler] = {}

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Handler | None:
        path = handler_call_details.method
        wrapped = self._wrapped.get(path)
        if wrapped is None:
            handler = self._inner.service(handler_call_details)
            if handler is None:
                return None  # gRPC asks the next, and answers UNIMPLEMENTED itself
            wrapped = self._wrapped[path] = self._pipeline.wrap(path, handler)
        return wrapped


def _returned(behaviour: Callable[..., Awaitable[Any]]) -> Step:
    async def answer(call: Call) -> Any:
        return await behaviour(call.given, call.context)

    return answer


def _written(behaviour: Callable[..., Any]) -> Step:
    # Written, not yielded: a generator whose caller goes away in the middle of an answer is closed later, by another task, where
    # neither its stages nor its own clean-up can end as they began.
    async def answer(call: Call) -> None:
        answers = behaviour(call.given, call.context)
        if inspect.iscoroutine(answers):
            await answers  # it writes by itself, as the library's health service does
            return
        async with aclosing(answers):
            async for response in answers:
                await call.context.write(response)
        if isinstance(call.given, Requests) and call.given.was_ended:
            raise StreamEnded

    return answer
