"""The driver for everything that may block: operators, the command line, threads."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Generator, Iterable
from contextlib import closing
from ssl import SSLContext
from typing import Any, TypeVar

import httpcore
import httpx

from airflow_provider.engine.account import Network
from airflow_provider.engine.drivers import failures
from airflow_provider.engine.drivers.attempts import Attempt, Reads, answer, date, play, tries
from airflow_provider.engine.drivers.network import (
    ANSWER_LIMIT,
    CONNECTIONS,
    DIRECT,
    KEEP_ALIVE,
    proxy_of,
    trust,
)
from airflow_provider.engine.errors import MessagingError, RateLimited
from airflow_provider.engine.exchange import Step, Work

__all__ = ["Driver"]

T = TypeVar("T")


class Driver:
    """Plays generators in the calling thread. Threads may share it, and a forked child may go on using it.

    Args:
        network: How the vendor is reached.
        reads: How stubbornly reads are repeated.
        connections: How many connections may be open at a time; further requests wait for a free one.

    Raises:
        ConfigurationError: The proxy's address is none.
    """

    def __init__(
        self, network: Network = DIRECT, *, reads: Reads | None = None, connections: int = CONNECTIONS
    ) -> None:
        self._network = network
        self._proxy = proxy_of(network)
        self._reads = reads or Reads()
        self._connections = connections
        self._serving = _Serving()
        self._transports: dict[tuple[int, str], _Transport] = {}

    def run(self, steps: Generator[Step, Any, T]) -> T:
        """Play a generator to its end, and return or raise what it ends with.

        What goes wrong at a step is thrown into the generator, interrupts included. It is never run again.
        """
        try:
            return play(steps, self._perform)
        except RateLimited as error:
            date(error)
            raise

    def close(self) -> None:
        """Close all connections. A later run opens new ones."""
        while self._transports:
            (pid, _), transport = self._transports.popitem()
            if pid == os.getpid():
                transport.close()
            else:
                transport.leave()

    def fetch(self, attempt: Attempt) -> httpx.Response | failures.Failure:
        """Make one attempt; for the two drivers alone.

        Raises:
            NotSent: The moment had passed after which it must not begin.
            ConfigurationError: The CA file cannot be read.
        """
        attempt.check_start()
        request = attempt.request
        connecting = attempt.stands_by - time.monotonic()
        if connecting <= 0:
            return attempt.unconnected()
        request.extensions = {
            **request.extensions,
            "timeout": {
                "pool": connecting,
                "connect": connecting,
                "read": attempt.read,
                "write": attempt.read,
            },
        }
        self._serving.begin(attempt)
        status = None
        try:
            # The transport alone: a client would add cookies, redirects and a log line with the whole address.
            transport = self._transport(request.url.scheme)
            with closing(transport.handle_request(request)) as response:
                status = response.status_code
                body = bytearray()
                for chunk in response.iter_bytes():
                    body += chunk
                    if len(body) > ANSWER_LIMIT:
                        return failures.too_long(status)
        except MessagingError:
            raise
        except Exception as error:
            return self._failure(error, attempt, status)
        return answer(request, status, response.headers.raw, bytes(body))

    def _perform(self, step: Step | Attempt) -> Any:
        if isinstance(step, httpx.Request):
            return play(tries(step, self._network, self._reads), self._perform)
        if isinstance(step, Attempt):
            return self.fetch(step)
        if isinstance(step, Work):
            return step.call()
        return time.sleep(step.seconds)

    def _failure(self, error: Exception, attempt: Attempt, status: int | None) -> failures.Failure:
        # The first ones are the whitelist: for these httpcore has not begun to write the request.
        match error:
            case httpx.ConnectTimeout() | httpx.PoolTimeout():
                return attempt.unconnected()
            case httpx.ConnectError(__cause__=BaseException(args=(cause, *_))):
                # httpx's error comes from httpcore's, which was made of the operating system's.
                return failures.not_connected(cause)
            case httpx.ConnectError():
                return failures.not_connected(None)
            case httpx.ProxyError():
                return failures.refused_by_proxy(int(str(error)[:3]) if str(error)[:3].isdecimal() else None)
            case httpx.TimeoutException():
                return attempt.silence(status)
            case httpx.RemoteProtocolError() if status is None and "disconnected" not in str(error):
                return failures.unreadable(status)
            case httpx.DecodingError():
                return failures.unreadable(status)
            case httpx.NetworkError() | httpx.RemoteProtocolError():
                return failures.broke_off(status)
            case _:
                return failures.unforeseen(error, status)

    def _transport(self, scheme: str) -> _Transport:
        # By process, for a forked child must not write to its parent's sockets; by scheme, for only https needs
        # the certificates. A loser of the race for the first one has no socket yet, and needs no closing.
        key = (os.getpid(), scheme)
        transport = self._transports.get(key)
        if transport is None:
            for inherited in [other for other in self._transports if other[0] != key[0]]:
                self._transports.pop(inherited).leave()
            transport = self._transports.setdefault(key, self._open(scheme))
        return transport

    def _open(self, scheme: str) -> _Transport:
        context = trust(self._network) if scheme == "https" else None
        proxy = None
        if self._proxy is not None:
            proxy = httpcore.Proxy(
                httpcore.URL(
                    scheme=self._proxy.raw_scheme,
                    host=self._proxy.raw_host,
                    port=self._proxy.port,
                    target=self._proxy.raw_path,
                ),
                auth=(self._proxy.username, self._proxy.password) if self._proxy.username else None,
                ssl_context=trust(self._network) if self._proxy.scheme == "https" else None,
            )
        return _Transport(
            httpcore.ConnectionPool(
                ssl_context=context,
                proxy=proxy,
                max_connections=self._connections,
                keepalive_expiry=KEEP_ALIVE,
                network_backend=_Backend(self._serving),
            )
        )


class _Transport(httpx.HTTPTransport):
    """httpx's own transport, with a pool that httpx has no argument for."""

    def __init__(self, pool: httpcore.ConnectionPool) -> None:
        self._pool = pool

    def leave(self) -> None:
        """Close a forked parent's sockets on this side, without its locks and without a word to the vendor."""
        for connection in self._pool.connections:
            connection.close()


class _Serving(threading.local):
    """The attempt that the calling thread is busy with; httpcore does all of its work in that thread."""

    attempt: Attempt
    begun: bool = False

    def begin(self, attempt: Attempt) -> None:
        self.attempt = attempt
        self.begun = False

    def connects(self, timeout: float | None) -> float:
        """Return how many seconds a connection may still take to stand."""
        return self._left(self.attempt.stands_by, timeout, httpcore.ConnectTimeout)

    def waits(self, timeout: float | None, late: type[Exception]) -> float:
        """Return how many seconds to wait for the vendor now, never past the deadline."""
        return self._left(self.attempt.ends, timeout, late)

    def _left(self, moment: float, timeout: float | None, late: type[Exception]) -> float:
        left = moment - time.monotonic()
        if left <= 0:  # which a socket would take for "do not wait at all"
            raise late("too late")
        return left if timeout is None else min(timeout, left)


class _Backend(httpcore.NetworkBackend):
    """Opens connections within the time that the attempt has for it."""

    def __init__(self, serving: _Serving) -> None:
        self._serving = serving
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        # By itself httpcore gives each of a host's addresses the whole time, one after the other.
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(error) from error
        failure: Exception = httpcore.ConnectError(None)
        for rest, (*_, address) in zip(range(len(found), 0, -1), found, strict=True):
            try:
                share = self._serving.connects(timeout) / rest
                stream = self._sockets.connect_tcp(
                    str(address[0]), port, share, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _Stream(stream, self._serving)
        raise failure


class _Stream(httpcore.NetworkStream):
    """A connection on which every wait ends with the deadline of the attempt that it serves."""

    _PIECE = 16384  # one TLS record; a larger one is sent in several waits, each as long as the first

    def __init__(self, stream: httpcore.NetworkStream, serving: _Serving) -> None:
        self._stream = stream
        self._serving = serving
        self._tunnelling = False

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if not self._tunnelling:
            return self._stream.read(max_bytes, self._serving.waits(timeout, httpcore.ReadTimeout))
        try:
            data = self._stream.read(max_bytes, self._serving.connects(timeout))
        except httpcore.ReadTimeout as error:
            raise httpcore.ConnectTimeout(str(error)) from error
        except httpcore.ReadError as error:
            raise httpcore.ProxyError(str(error)) from error
        if not data:
            raise httpcore.ProxyError("closed")
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if buffer.startswith(b"CONNECT "):
            self._tunnelling = True  # asks a proxy for a tunnel; of the request nothing has left
        elif not self._serving.begun:
            self._serving.attempt.check_start()
            self._serving.begun = True
        for start in range(0, len(buffer), self._PIECE):
            self._stream.write(
                buffer[start : start + self._PIECE], self._serving.waits(timeout, httpcore.WriteTimeout)
            )

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = self._serving.connects(timeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, left), self._serving)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
