"""The way to intake: an address that stays while intake comes back elsewhere, with connections that can be cut."""

import asyncio
import contextlib

_CHUNK = 65_536


class Relay:
    """Passes bytes both ways between its own address and `target`; refuses while there is no target."""

    def __init__(self) -> None:
        self.target = ""
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._passing: set[asyncio.Task[None]] = set()

    async def start(self) -> str:
        """Listens on a free port of loopback and returns its address."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def cut(self) -> None:
        """Ends every connection in the midst of whatever it carries."""
        for writer in list(self._open):
            writer.transport.abort()

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        await self._server.wait_closed()
        await asyncio.gather(*self._passing)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._pass(reader, writer))
        self._passing.add(task)
        task.add_done_callback(self._passing.discard)

    async def _pass(self, near_reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        host, _, port = self.target.rpartition(":")
        try:
            far_reader, far = await asyncio.open_connection(host, int(port))
        except (OSError, ValueError):  # nothing listens there, or there is no target
            near.transport.abort()
            return
        pair = {near, far}
        self._open |= pair
        try:
            await asyncio.gather(_copy(near_reader, far), _copy(far_reader, near))
        finally:
            self._open -= pair


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
    writer.close()
