"""The stages every call passes, in a fixed order, around any handler: unary or streaming."""

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import grpc
from google.protobuf.message import DecodeError

from shared.rpc.method import Method, method_of

# The published types are generic, the classes themselves are not.
if TYPE_CHECKING:
    Context = grpc.aio.ServicerContext[Any, Any]
    Handler = grpc.RpcMethodHandler[Any, Any]
    Interceptor = grpc.aio.ServerInterceptor[Any, Any]
else:
    Context, Handler, Interceptor = grpc.aio.ServicerContext, grpc.RpcMethodHandler, grpc.aio.ServerInterceptor


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
    """A call under way. `request` is a message, or None where the caller streams."""

    method: Method
    request: Any
    context: Context


class Stage(Protocol):
    """Surrounds a call: acts before it, after it, and on its errors."""

    def around(self, call: Call) -> AbstractAsyncContextManager[None]: ...

    def received(self, call: Call, message: Any) -> None:
        """Sees each message of a caller that streams; raises to refuse it."""


class PipelineInterceptor(Interceptor):
    """Wraps every handler once in the given stages, the first outermost."""

    def __init__(self, stages: Sequence[Stage], largest_message_bytes: int) -> None:
        self._stages = tuple(stages)
        self._limit = largest_message_bytes
        self._wrapped: dict[str, Handler] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler:
        path = handler_call_details.method
        wrapped = self._wrapped.get(path)
        if wrapped is None:
            handler = await continuation(handler_call_details)
            if handler is None:
                return handler  # gRPC answers UNIMPLEMENTED itself
            wrapped = self._wrapped[path] = self._wrap(method_of(path), handler)
        return wrapped

    def _wrap(self, method: Method, handler: Any) -> Handler:
        make, behaviour = {
            (False, False): (grpc.unary_unary_rpc_method_handler, handler.unary_unary),
            (False, True): (grpc.unary_stream_rpc_method_handler, handler.unary_stream),
            (True, False): (grpc.stream_unary_rpc_method_handler, handler.stream_unary),
            (True, True): (grpc.stream_stream_rpc_method_handler, handler.stream_stream),
        }[(handler.request_streaming, handler.response_streaming)]
        surround = self._stream if handler.response_streaming else self._unary
        return make(
            surround(method, behaviour, handler.request_streaming),
            request_deserializer=self._limited(handler.request_deserializer),
            response_serializer=handler.response_serializer,
        )

    def _limited(self, deserialize: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
        def limited(raw: bytes) -> Any:
            if len(raw) > self._limit:
                return Oversized(len(raw), self._limit)
            try:
                return deserialize(raw)
            except DecodeError as error:
                return Unreadable(str(error))

        return limited

    def _unary(self, method: Method, behaviour: Callable[..., Awaitable[Any]], streams: bool) -> Callable[..., Awaitable[Any]]:
        async def respond(request: Any, context: Context) -> Any:
            call = Call(method, None if streams else request, context)
            async with AsyncExitStack() as stack:
                for stage in self._stages:
                    await stack.enter_async_context(stage.around(call))
                return await behaviour(self._seen(call, request) if streams else request, context)

        return respond

    def _stream(self, method: Method, behaviour: Callable[..., Any], streams: bool) -> Callable[..., Awaitable[None]]:
        # Written, not yielded: a generator whose caller goes away in the middle of an answer is closed later, by another task, where
        # neither its stages nor its own clean-up can end as they began.
        async def respond(request: Any, context: Context) -> None:
            call = Call(method, None if streams else request, context)
            async with AsyncExitStack() as stack:
                for stage in self._stages:
                    await stack.enter_async_context(stage.around(call))
                answers = behaviour(self._seen(call, request) if streams else request, context)
                if inspect.iscoroutine(answers):
                    await answers  # it writes by itself, as the library's health service does
                    return
                await stack.enter_async_context(aclosing(answers))
                async for response in answers:
                    await context.write(response)

        return respond

    async def _seen(self, call: Call, requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
        async for message in requests:
            for stage in self._stages:
                stage.received(call, message)
            yield message
