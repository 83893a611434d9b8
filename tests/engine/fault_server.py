"""A server of raw sockets on loopback that misbehaves as told and counts what it received in full."""

from __future__ import annotations

import gzip
import select
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

OK = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{"result":true}'


@dataclass(frozen=True)
class Received:
    """A request that arrived whole. ``connection`` counts connections from 1."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    connection: int

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


Fault = Callable[["Connection"], bool]
"""What is done when a request has arrived. Returns whether the connection is kept."""


class Connection:
    def __init__(self, server: FaultServer, sock: socket.socket, number: int) -> None:
        self.server = server
        self.sock = sock
        self.number = number
        self._buffer = b""

    def serve(self) -> None:
        with suppress(OSError), self.sock:
            if self.server.tls is not None:
                self.sock = self.server.tls.wrap_socket(self.sock, server_side=True)
            while self._turn():
                pass
        self.sock.close()

    def _turn(self) -> bool:
        if not self._buffer and not self._wait():
            return False
        if self.server.before_reading is not None:
            self.server.arrived.set()
            return self.server.before_reading(self)
        request = self._read()
        if request is None:
            return False
        self.server.received.append(request)
        self.server.arrived.set()
        return self.server.fault(self)

    def _wait(self) -> bool:
        select.select([self.sock], [], [])
        if isinstance(self.sock, ssl.SSLSocket):
            return True
        return bool(self.sock.recv(1, socket.MSG_PEEK))

    def _read(self) -> Received | None:
        while b"\r\n\r\n" not in self._buffer:
            if self._buffer.startswith(b"\x16"):  # a TLS greeting at a plain port
                self.sock.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
                return None
            if not self._more():
                return None
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ")
        headers = tuple((name, value.strip()) for name, _, value in (line.partition(":") for line in lines))
        length = next((int(value) for name, value in headers if name.lower() == "content-length"), 0)
        while len(self._buffer) < length:
            if not self._more():
                return None
        body, self._buffer = self._buffer[:length], self._buffer[length:]
        return Received(method, target, headers, body, self.number)

    def _more(self) -> bool:
        data = self.sock.recv(65536)
        self._buffer += data
        return bool(data)


class FaultServer:
    """Serves until closed. Without a fault, every request is answered with ``OK`` and the connection kept.

    Attributes:
        fault: What to do with requests from now on, once they are read.
        before_reading: What to do instead when the first bytes of a request are there, and nothing is read.
        received: The requests that arrived whole since the last ``forget``.
        arrived: Set when a request has arrived.
        connections: How many connections there have been.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.tls = tls
        self.fault: Fault = answer(OK)
        self.before_reading: Fault | None = None
        self.received: list[Received] = []
        self.arrived = threading.Event()
        self.released = threading.Event()
        self.connections = 0
        self._open: list[tuple[socket.socket, threading.Thread]] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    def url(self, path: str = "/send", scheme: str | None = None) -> str:
        return f"{scheme or ('https' if self.tls else 'http')}://127.0.0.1:{self.port}{path}"

    def forget(self) -> None:
        self.received.clear()
        self.arrived.clear()

    def stop_listening(self) -> None:
        """Refuse new connections and end those that idle."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()
        self.hang_up()

    def hang_up(self) -> None:
        """End all connections in order."""
        self.released.set()
        for sock, _ in self._open:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        self.all_ended()

    def all_ended(self) -> bool:
        """Wait until every connection has ended; False when one stays open for ten seconds."""
        for _, thread in self._open:
            thread.join(10)
        return not any(thread.is_alive() for _, thread in self._open)

    def close(self) -> None:
        self.stop_listening()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections += 1
            # The connection may be wrapped for TLS, which takes the descriptor; a duplicate can always hang up.
            handle = sock.dup()
            thread = threading.Thread(target=self._serve, args=(sock, handle, self.connections))
            self._open.append((handle, thread))
            thread.start()

    def _serve(self, sock: socket.socket, handle: socket.socket, number: int) -> None:
        try:
            Connection(self, sock, number).serve()
        finally:
            handle.close()


# --- faults ---------------------------------------------------------------------------------------------


def answer(data: bytes) -> Fault:
    """Answer with these bytes and keep the connection."""

    def fault(connection: Connection) -> bool:
        connection.sock.sendall(data)
        return True

    return fault


def answer_then_close(data: bytes) -> Fault:
    """Answer with these bytes and close the connection."""

    def fault(connection: Connection) -> bool:
        connection.sock.sendall(data)
        connection.sock.shutdown(socket.SHUT_WR)
        return False

    return fault


def in_turn(*faults: Fault) -> Fault:
    """One after the other, whichever connections they meet; the last one for all further requests."""
    left = list(faults)

    def fault(connection: Connection) -> bool:
        return (left.pop(0) if len(left) > 1 else left[0])(connection)

    return fault


def status(code: int, headers: str = "", body: bytes = b"{}") -> bytes:
    return f"HTTP/1.1 {code} Whatever\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body


def close(_: Connection) -> bool:
    """Close at once: FIN, or RST where something was left unread."""
    return False


def reset(connection: Connection) -> bool:
    """Close with RST."""
    connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def hang(connection: Connection) -> bool:
    """Say nothing until released, then answer."""
    connection.server.released.wait()
    connection.sock.sendall(OK)
    return True


def _drip(connection: Connection, head: bytes) -> bool:
    connection.sock.sendall(head)
    while not connection.server.released.wait(0.02):
        connection.sock.sendall(b"x")
    return False


def drip_headers(connection: Connection) -> bool:
    """Never be silent for long, and never come to the end of the headers."""
    return _drip(connection, b"HTTP/1.1 200 OK\r\nX-Drip: ")


def drip_body(connection: Connection) -> bool:
    """Never be silent for long, and never come to the end of the body."""
    return _drip(connection, b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")


GARBAGE = b"SMTP ready when you are\r\n\r\n"
TRUNCATED = b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"result":'
TRUNCATED_CHUNK = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n{"result":'
GZIPPED = status(200, "Content-Encoding: gzip\r\n", gzip.compress(b'{"result":true}'))
BAD_GZIP = status(200, "Content-Encoding: gzip\r\n", b"this is not gzip at all")
TOO_LONG = status(200, body=b" " * (1024 * 1024 + 1))
GZIP_BOMB = status(200, "Content-Encoding: gzip\r\n", gzip.compress(b" " * (32 * 1024 * 1024)))
