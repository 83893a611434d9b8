"""Faults on real sockets, and what each means for the message.

| mode | the message | what the client gets |
|---|---|---|
| `drop_before_read` | not taken | the connection closes once the head of the request is in |
| `accept_then_drop` | taken | the connection closes (FIN) without an answer |
| `accept_then_reset` | taken | the connection is reset (RST) without an answer |
| `accept_then_hang` | taken | silence, for `seconds` if given, then the connection closes |
| `http_500`, `http_502` | not taken, or taken with `accept` | the vendor's own form of a server error |
| `http_429` | not taken | the vendor's own form of "too many requests", with `Retry-After` if `retry_after` is given |
| `malformed_json` | taken | the right answer, cut off inside, with a length that fits |
| `html_page` | taken | 200 and a proxy's page |
| `print_r` | taken | the right answer as PHP's print_r text |
| `wrong_types` | taken | the right names, each with a value of another type |
| `truncated_body` | taken | the right answer, but the connection closes before its last bytes |
| `drip` | taken | the right answer, headers included, a byte every `seconds` (0.05) |
| `slow` | taken | the right answer after `seconds` (5) |

"Taken" means that the request is handled as it would be without the fault: a bad key is still refused.
Arge tells SMS and mail apart in the body alone, so there `drop_before_read` too comes once the body is in.
"""

from __future__ import annotations

import asyncio
import json
import math
import random
import socket
import struct
from asyncio import Transport
from collections.abc import Awaitable, Callable, Coroutine, Iterable, MutableMapping
from dataclasses import replace
from enum import StrEnum
from http import HTTPStatus
from threading import Lock
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from airflow_provider.sandbox.php import print_r
from airflow_provider.sandbox.wire import HTML, Answer, Pause, StandIn

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

PROXY_PAGE = (
    b"<!doctype html><html><head><title>Welcome</title></head><body><h1>It works!</h1>"
    b"<p>This page is served by a proxy in front of the API.</p></body></html>"
)


class Mode(StrEnum):
    """What goes wrong."""

    DROP_BEFORE_READ = "drop_before_read"
    ACCEPT_THEN_DROP = "accept_then_drop"
    ACCEPT_THEN_RESET = "accept_then_reset"
    ACCEPT_THEN_HANG = "accept_then_hang"
    HTTP_500 = "http_500"
    HTTP_502 = "http_502"
    HTTP_429 = "http_429"
    MALFORMED_JSON = "malformed_json"
    HTML_PAGE = "html_page"
    PRINT_R = "print_r"
    WRONG_TYPES = "wrong_types"
    TRUNCATED_BODY = "truncated_body"
    DRIP = "drip"
    SLOW = "slow"


SILENT = frozenset(
    {Mode.DROP_BEFORE_READ, Mode.ACCEPT_THEN_DROP, Mode.ACCEPT_THEN_RESET, Mode.ACCEPT_THEN_HANG}
)


class Fault(BaseModel):
    """One fault that is set: which requests it hits, how often, and what it does to them."""

    model_config = ConfigDict(extra="forbid")

    vendor: str
    operation: str = "*"
    mode: Mode
    times: int | None = Field(default=None, ge=1)
    """How many requests it hits; None for all until it is deleted."""
    probability: float | None = Field(default=None, ge=0, le=1)
    """How likely it hits a request; None for certain."""
    seed: int | None = None
    """Makes the dice of `probability` fall the same way each time."""
    retry_after: int | str | None = None
    """`Retry-After` of an http_429: seconds, or an HTTP date."""
    seconds: float | None = Field(default=None, ge=0)
    accept: bool = False
    """Whether an http_500 or http_502 comes after the message was taken."""
    hits: int = 0
    """How many requests it has hit."""

    _dice: random.Random = PrivateAttr()

    @model_validator(mode="after")
    def _ready(self) -> Self:
        self._dice = random.Random(self.seed)
        self.hits = 0
        return self

    @property
    def spent(self) -> bool:
        """Whether it has hit as often as it should."""
        return self.times is not None and self.hits >= self.times

    @property
    def takes_message(self) -> bool:
        """Whether the vendor handles the request before things go wrong."""
        if self.mode in {Mode.HTTP_500, Mode.HTTP_502}:
            return self.accept
        return self.mode not in {Mode.DROP_BEFORE_READ, Mode.HTTP_429}

    @property
    def silent(self) -> bool:
        """Whether the client gets nothing at all."""
        return self.mode in SILENT

    def hit(self) -> bool:
        """Decide about one request, and count it if it is hit."""
        if self.spent or (self.probability is not None and self._dice.random() >= self.probability):
            return False
        self.hits += 1
        return True

    def instead(self, vendor: StandIn) -> Answer:
        """Return the server error or the "too many requests" that stands in for the true answer."""
        if self.mode is Mode.HTTP_429:
            answer = vendor.throttled()
            if self.retry_after is None:
                return answer
            return replace(answer, headers=(*answer.headers, ("Retry-After", str(self.retry_after))))
        # A connection that is dropped gets no answer; a server error stands for the one it will not get.
        return vendor.broken(502 if self.mode is Mode.HTTP_502 else 500)

    def distort(self, answer: Answer) -> Answer:
        """Return `answer` garbled, if this is a fault of the answer's content."""
        match self.mode:
            case Mode.MALFORMED_JSON:
                return replace(answer, body=answer.body[: max(1, len(answer.body) * 2 // 3)])
            case Mode.HTML_PAGE:
                return Answer(200, PROXY_PAGE, HTML)
            case Mode.PRINT_R:
                return replace(answer, body=_rewritten(answer.body, print_r), content_type=HTML)
            case Mode.WRONG_TYPES:
                return replace(answer, body=_rewritten(answer.body, _wrong_types_as_json))
            case _:
                return answer


class Faults:
    """The faults that are set."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = Lock()

    def all(self) -> list[Fault]:
        """Return every fault, spent ones included."""
        with self._lock:
            return list(self._faults)

    def set(self, fault: Fault) -> None:
        """Set a fault; it takes the place of one for the same vendor and operation."""
        with self._lock:
            pair = (fault.vendor, fault.operation)
            self._faults = [each for each in self._faults if (each.vendor, each.operation) != pair]
            self._faults.append(fault)

    def replace(self, faults: Iterable[Fault]) -> None:
        """Set these faults and no others; of several for one operation the first that is not spent counts."""
        with self._lock:
            self._faults = list(faults)

    def strike(self, vendor: str, operation: str) -> Fault | None:
        """Return the fault that hits this request, one set for its operation before one set for all."""
        if not self._faults:
            return None
        with self._lock:
            for wanted in (operation, "*"):
                for fault in self._faults:
                    if fault.vendor in {vendor, "*"} and fault.operation == wanted and fault.hit():
                        return fault
        return None


async def deliver(
    fault: Fault, answer: Answer, *, transport: Transport, receive: Receive, send: Send, pause: Pause
) -> None:
    """Answer a request the way `fault` wants it, down to the socket."""
    match fault.mode:
        case Mode.DROP_BEFORE_READ | Mode.ACCEPT_THEN_DROP:
            await hang_up(transport, receive)
        case Mode.ACCEPT_THEN_RESET:
            connection = transport.get_extra_info("socket")
            # Closing with a linger of zero seconds sends RST in place of FIN.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            transport.abort()
            await gone(receive)
        case Mode.ACCEPT_THEN_HANG:
            await _wait_for_either(pause(math.inf if fault.seconds is None else fault.seconds), gone(receive))
            await hang_up(transport, receive)
        case Mode.TRUNCATED_BODY:
            transport.write(_raw(answer, length=len(answer.body) + 64))
            await hang_up(transport, receive)
        case Mode.DRIP:
            for byte in _raw(answer, length=len(answer.body)):
                transport.write(bytes((byte,)))
                if await pause(0.05 if fault.seconds is None else fault.seconds) or transport.is_closing():
                    break
            await hang_up(transport, receive)
        case _:
            if fault.mode is Mode.SLOW:
                await pause(5 if fault.seconds is None else fault.seconds)
            await respond(answer, send)


async def respond(answer: Answer, send: Send) -> None:
    """Answer as HTTP has it."""
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.head()})
    await send({"type": "http.response.body", "body": answer.body})


async def hang_up(transport: Transport, receive: Receive) -> None:
    """Close the connection after what is still to be written."""
    transport.close()
    await gone(receive)


async def gone(receive: Receive) -> None:
    """Wait until the server knows that the connection is closed, so that it does not answer in our place."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _wait_for_either(*waits: Coroutine[Any, Any, object]) -> None:
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _raw(answer: Answer, *, length: int) -> bytes:
    head = [f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}".encode("latin-1")]
    head += [name.title() + b": " + value for name, value in answer.head(length)]
    return b"\r\n".join([*head, b"Connection: close", b"", answer.body])


def _rewritten(body: bytes, rewrite: Callable[[object], str]) -> bytes:
    """Rewrite an answer that is JSON; one that is not stays what it is."""
    try:
        return rewrite(json.loads(body)).encode()
    except ValueError:
        return body


def _wrong_types_as_json(value: object) -> str:
    """Keep the names of an object and change the type of each of its values."""
    wrong = {name: _wrong(item) for name, item in value.items()} if isinstance(value, dict) else [value]
    return json.dumps(wrong, ensure_ascii=False)


def _wrong(value: object) -> object:
    if isinstance(value, bool):
        return {"is": value}
    if isinstance(value, str):
        return [value]
    if isinstance(value, int | float):
        return {"value": value}
    if isinstance(value, list):
        return {str(place): item for place, item in enumerate(value)}
    if isinstance(value, dict):
        return list(value)
    return 0
