"""A connection that can be cut: a TCP relay in front of a server, at an address of its own that stays."""

import contextlib
import socket
import threading
from collections.abc import Iterator


class Relay:
    """Passes bytes both ways between its own address and `target`, until `cut`; new connections are refused until `mend`.

    `target` may be another for connections to come.
    """

    def __init__(self, target: str) -> None:
        self.target = target
        self._open: list[socket.socket] = []
        self._whole = True
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        with self._lock:
            self._whole = False
            for each in self._open:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
            self._open.clear()

    def mend(self) -> None:
        with self._lock:
            self._whole = True

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                if not self._whole:
                    near.close()
                    continue
                try:
                    far = _connected(self.target)
                except OSError:  # nobody is there now
                    near.close()
                    continue
                self._open += [near, far]
            for pair in ((near, far), (far, near)):
                threading.Thread(target=_pass_on, args=pair, daemon=True).start()


def _connected(target: str) -> socket.socket:
    if target.startswith("/"):  # of a Unix socket
        far = socket.socket(socket.AF_UNIX)
        far.connect(target)
        return far
    host, _, port = target.rpartition(":")
    return socket.create_connection((host, int(port)))


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    for each in (source, sink):
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()


@contextlib.contextmanager
def relaying(target: str) -> Iterator[Relay]:
    relay = Relay(target)
    try:
        yield relay
    finally:
        relay.close()
