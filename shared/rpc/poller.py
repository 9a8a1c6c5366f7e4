"""gRPC's poller: one thread that serves every channel and server of the process."""

from functools import cache

import grpc


@cache
def hold_poller() -> None:
    """Keeps the poller for as long as the process lasts.

    gRPC ends it with the last channel or server, which may be whenever the garbage collector comes by, and then waits for its thread
    from the very thread that would have to wake it: seen to hang for good.
    """
    grpc.aio.init_grpc_aio()  # type: ignore[attr-defined]  # the published types lack it
