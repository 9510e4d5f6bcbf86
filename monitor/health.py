"""Metrics, liveness and readiness over HTTP, in a thread of its own: a blocked event loop must not look healthy.

``/metrics`` for Prometheus; ``/healthz``: restart me if this is not 200; ``/readyz``: 200 when events are being judged,
else 503 with the reason in words.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from types import TracebackType
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import structlog
from prometheus_client import CollectorRegistry, make_wsgi_app

from monitor.metrics import Metrics
from monitor.settings import Settings

Check = Callable[[], "str | None"]
"""None: all is well. Otherwise what is wrong, in words."""

log = structlog.get_logger("killcord.health")


class PortUnavailable(RuntimeError):
    """The metrics port cannot be served. Names the setting, the value and the remedy."""


class Heartbeat:
    """A check that fails when the event loop has not come round for ``limit_s`` seconds."""

    def __init__(self, limit_s: float = 10.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit_s = limit_s
        self._clock = clock
        self._last = clock()

    def beat(self) -> None:
        self._last = self._clock()

    async def run(self, interval_s: float = 1.0) -> None:
        """Beats until cancelled, in the event loop that is to be watched."""
        while True:
            self.beat()
            await asyncio.sleep(interval_s)

    def __call__(self) -> str | None:
        silent = self._clock() - self._last
        if silent <= self._limit_s:
            return None
        return f"the event loop has been blocked for {silent:.1f} s (limit {self._limit_s:g} s)"


class HealthServer:
    """Serves from ``start`` to ``close``; a context manager. ``port`` 0: one that is free, read it after ``start``.

    ``alive`` and ``ready`` are called in threads of the server. ``setting``: where the port is from.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        *,
        alive: Check,
        ready: Check,
        host: str,
        port: int,
        setting: str = "metrics_port",
    ) -> None:
        self._setting = setting
        self.host = host
        self.port = port
        self._metrics = make_wsgi_app(registry)
        self._checks = {"/healthz": alive, "/readyz": ready}
        self._server: WSGIServer | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Raises PortUnavailable."""
        try:
            server_class = _server_class(self.host, self.port)
            self._server = make_server(self.host, self.port, self._answer, server_class, handler_class=_Handler)
        except OSError as error:
            raise PortUnavailable(
                f"{self._setting} = {self.port} on metrics_host = {self.host} cannot be served: {error.strerror}. "
                f"Set KILLCORD_{self._setting.upper()} to a free port (0: serve nothing) or KILLCORD_METRICS_HOST to "
                "an address of this machine."
            ) from error
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="health", daemon=True)
        self._thread.start()
        log.info("metrics and health are served", url=f"http://{self.host}:{self.port}")

    def close(self) -> None:
        if self._server is None or self._thread is None:
            return
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._server = self._thread = None

    def __enter__(self) -> HealthServer:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _answer(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
        if path == "/metrics":
            return self._metrics(environ, start_response)  # type: ignore[no-any-return]
        if method not in ("GET", "HEAD"):
            status, text = "405 Method Not Allowed", f"{method} is not served: use GET"
        elif path in self._checks:
            wrong = _checked(path, self._checks[path])
            status, text = ("200 OK", "ok") if wrong is None else ("503 Service Unavailable", wrong)
        else:
            status, text = "404 Not Found", "served are /metrics, /healthz and /readyz"
        body = f"{text}\n".encode()
        headers = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))]
        start_response(status, headers)
        return [] if method == "HEAD" else [body]


def serve(settings: Settings, metrics: Metrics, *, alive: Check, ready: Check) -> HealthServer | None:
    """A started server at ``metrics_host:metrics_port``; None where the port is 0. Raises PortUnavailable."""
    if settings.metrics_port == 0:
        return None
    metrics.ready_when(lambda: _checked("/readyz", ready))
    host, port = settings.metrics_host, settings.metrics_port
    server = HealthServer(metrics.registry, alive=alive, ready=ready, host=host, port=port)
    server.start()
    return server


def _checked(path: str, check: Check) -> str | None:
    try:
        return check()
    except Exception as error:
        log.exception("a health check failed by itself", path=path)
        return f"the check itself failed: {error!r}"


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def server_bind(self) -> None:
        # HTTPServer would look up the host's full name, which can hang for seconds without a name server.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A client that hung up or fell silent; socketserver would print a traceback.
        log.debug("a request for metrics or health was not finished", client=str(client_address), exc_info=True)


class _Handler(WSGIRequestHandler):
    timeout = 10  # seconds that a client may be silent in the middle of a request

    def log_message(self, format: str, *args: Any) -> None:
        """A scrape every few seconds is no news."""

    def address_string(self) -> str:
        return str(self.client_address[0])


def _server_class(host: str, port: int) -> type[_Server]:
    family = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
    return type("_Server", (_Server,), {"address_family": family})
