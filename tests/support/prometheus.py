"""Debian's Prometheus, scraping counters that a test sets."""

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from bench.processes import Child, started

BINARY = shutil.which("prometheus")
needs_prometheus = pytest.mark.skipif(BINARY is None, reason="prometheus is not installed: apt-get install prometheus")


class Exporter:
    """Serves counters as `http_requests_total{code}`; None is a process that does not answer."""

    def __init__(self) -> None:
        self.counts: dict[str, float] | None = {}
        exporter = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200 if exporter.counts is not None else 503)
                self.send_header("Content-Type", "text/plain")
                self.end_headers()
                for code, value in (exporter.counts or {}).items():
                    self.wfile.write(f'http_requests_total{{code="{code}"}} {value}\n'.encode())

            def log_message(self, *args: object) -> None:
                del args

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def scraping(directory: Path) -> Iterator[tuple[Exporter, str]]:
    """Runs Prometheus over an exporter, which it scrapes every second; gives the exporter and the URL of Prometheus."""
    exporter = Exporter()
    config = directory / "prometheus.yml"
    targets = f"scrape_configs: [{{job_name: shop, static_configs: [{{targets: ['{exporter.address}']}}]}}]\n"
    config.write_text(f"global: {{scrape_interval: 1s}}\n{targets}")
    command = [BINARY or "", f"--config.file={config}", f"--storage.tsdb.path={directory / 'data'}", "--web.listen-address=127.0.0.1:0"]
    try:
        with started(Child(command, r'msg="Listening on" address=(\S+)', directory / "prometheus.log")) as peer:
            yield exporter, f"http://{peer.said}"
    finally:
        exporter.close()
