"""Serving the sandbox on a real socket: in a thread for tests, or alone in a process for people."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
import threading
import time
from types import FrameType, TracebackType
from typing import Self

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from airflow_provider.sandbox.app import SandboxApp
from airflow_provider.sandbox.callbacks import is_loopback
from airflow_provider.sandbox.store import Clock, Store


class Protocol(H11Protocol):
    """HTTP as uvicorn speaks it, with the connection within reach of those who have to break it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin a connection."""
        super().connection_made(transport)
        # Switched off here too, or uvicorn writes paths and queries as soon as somebody listens to its logger.
        self.access_log = False
        self.app_state = {**self.app_state, "transport": transport}


class Server(uvicorn.Server):
    """A uvicorn server that says when it is ready, and ends what waits before it closes."""

    def __init__(self, app: SandboxApp, *, announce: str | None = None) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                loop="asyncio",
                http=Protocol,
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,  # paths and queries hold numbers and keys
                server_header=False,
                timeout_keep_alive=75,  # as most web servers have it; uvicorn's five seconds cut pools in mid-test
                timeout_graceful_shutdown=2,
            )
        )
        self.ready = threading.Event()
        self._app = app
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept connections."""
        await super().startup(sockets)
        if self._announce is not None:
            sys.stdout.write(f"{self._announce}\n")
            sys.stdout.flush()
        self.ready.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close; what hangs or listens is let go first."""
        self._app.close()
        await super().shutdown(sockets)


class SandboxServer:
    """A sandbox in a thread of this process; a context manager.

    Attributes:
        app: All of its parts.
        port: Where it listens; the free port it found, if asked for port 0.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 0, *, clock: Clock = time.time) -> None:
        self.host = host
        self.port = port
        self.app = SandboxApp(clock, loopback_only=is_loopback(host))
        self._running: tuple[Server, threading.Thread] | None = None

    @property
    def store(self) -> Store:
        """The messages."""
        return self.app.store

    @property
    def url(self) -> str:
        """The base URL, without a slash at the end."""
        return _url(self.host, self.port)

    def start(self) -> None:
        """Begin to listen; returns once connections are accepted.

        Raises:
            OSError: the port is taken.
        """
        listening = _listen(self.host, self.port)
        self.port = listening.getsockname()[1]
        server = Server(self.app)
        thread = threading.Thread(
            target=server.run, kwargs={"sockets": [listening]}, name="ulak-sandbox", daemon=True
        )
        thread.start()
        if not server.ready.wait(30):
            raise RuntimeError("The sandbox did not start within 30 seconds.")
        self._running = (server, thread)

    def stop(self) -> None:
        """Close, and let go of whatever still waits; what was taken stays in the store."""
        if self._running is not None:
            server, thread = self._running
            self._running = None
            server.should_exit = True
            thread.join(30)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def serve(host: str = "127.0.0.1", port: int = 8025) -> None:
    """Serve a sandbox until SIGTERM or SIGINT; prints one line when it accepts connections.

    Raises:
        SystemExit: 2, with a sentence, if the port is taken.
    """
    try:
        listening = _listen(host, port)
    except OSError as exc:
        sys.stderr.write(
            f"The sandbox cannot listen on {host}:{port}: {exc.strerror}. "
            "Choose another port with --port, or --port 0 for a free one.\n"
        )
        raise SystemExit(2) from exc
    app = SandboxApp(time.time, loopback_only=is_loopback(host))
    server = Server(app, announce=f"sandbox ready at {_url(host, listening.getsockname()[1])}")

    def end(_signal: int, _frame: FrameType | None) -> None:
        server.should_exit = True

    # uvicorn stops at these signals and then raises them again, for whoever handled them before: that is this
    # handler, in whose hands they do no more harm, so that a process that was asked to end ends with 0.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    server.run(sockets=[listening])


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP, or asyncio leaves Nagle's algorithm on, which costs 40 ms an answer.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        # A port whose last connections are still fading can be had again; one that is listened on cannot.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(2048)
    except OSError:
        listening.close()
        raise
    return listening


def _url(host: str, port: int) -> str:
    everywhere = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - read, not listened on
    host = everywhere.get(host, host)
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}"
