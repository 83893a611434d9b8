"""The door of the vendors: reads a request, lets the stand-in answer it, and lets a fault get in the way."""

from __future__ import annotations

from asyncio import Transport
from collections import Counter, deque
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from airflow_provider.sandbox.faults import Fault, Faults, Mode, Receive, Send, deliver, hang_up, respond
from airflow_provider.sandbox.store import Exchange, Store
from airflow_provider.sandbox.wire import Answer, Call, Found, Pause, Refused, StandIn

Scope = MutableMapping[str, Any]

LARGEST_REQUEST = 32 * 1024 * 1024
LARGEST_KEPT_BODY = 16 * 1024
MOST_KEPT_ARRIVALS = 10_000


@dataclass(slots=True)
class Arrival:
    """One request that reached a vendor's path; counted before anything is done with it."""

    vendor: str
    operation: str
    method: str
    path: str
    at: float
    status: int | None = None
    """What was answered; None while nothing was, or where nothing ever was."""
    fault: str | None = None
    accepted: int = 0
    """How many messages were taken."""


@dataclass(slots=True)
class Arrivals:
    """Every request that reached a vendor's path: all are counted, the last ten thousand are kept."""

    latest: deque[Arrival] = field(default_factory=lambda: deque(maxlen=MOST_KEPT_ARRIVALS))
    counted: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, arrival: Arrival) -> None:
        """Count a request."""
        self.latest.append(arrival)
        self.counted[arrival.vendor, arrival.operation] += 1

    def correct(self, arrival: Arrival, operation: str) -> None:
        """Count a request for another operation than the one it was taken for."""
        self.counted[arrival.vendor, arrival.operation] -= 1
        arrival.operation = operation
        self.counted[arrival.vendor, operation] += 1

    def count(self, vendor: str | None, operation: str | None) -> int:
        """Return how many requests came, to one vendor or for one operation if asked."""
        return sum(
            count
            for (to, of), count in self.counted.items()
            if (vendor is None or to == vendor) and (operation is None or of == operation)
        )

    def clear(self) -> None:
        """Forget all."""
        self.latest.clear()
        self.counted.clear()


class Door:
    """Where requests to the vendors come in."""

    def __init__(self, store: Store, faults: Faults, arrivals: Arrivals, pause: Pause) -> None:
        self._store = store
        self._faults = faults
        self._arrivals = arrivals
        self._pause = pause

    async def answer(self, vendor: StandIn, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request to `vendor`."""
        transport: Transport = scope["state"]["transport"]
        path = scope["path"].removeprefix(f"/{vendor.key}") or "/"
        found = vendor.find(scope["method"], path)
        route = found.route if isinstance(found, Found) else None
        arrival = Arrival(
            vendor.key, route.operation if route else "", scope["method"], scope["path"], self._store.clock()
        )
        self._arrivals.add(arrival)
        fault = None
        if route is not None and route.operation_of is None:
            fault = self._strike(arrival)
            if fault is not None and fault.mode is Mode.DROP_BEFORE_READ:
                await hang_up(transport, receive)
                return
        body = await _read(receive)
        if body is None:  # the client left before its request was whole
            return
        call = _call(scope, path, arrival.at, body, found.parameters if isinstance(found, Found) else {})
        if route is not None and route.operation_of is not None:
            self._arrivals.correct(arrival, route.operation_of(call))
            fault = self._strike(arrival)
        answer = await _handle(vendor, found, fault, call)
        arrival.accepted = len(call.accepted)
        heard = fault is None or not fault.silent
        if heard:
            arrival.status = answer.status
        if call.accepted:
            self._keep(scope, call, answer if heard else None, fault)
        if fault is None:
            await respond(answer, send)
        else:
            await deliver(fault, answer, transport=transport, receive=receive, send=send, pause=self._pause)

    def _strike(self, arrival: Arrival) -> Fault | None:
        fault = self._faults.strike(arrival.vendor, arrival.operation)
        if fault is not None:
            arrival.fault = fault.mode.value
            self._store.on_change({"kind": "faults"})  # a hit that takes no message has no other event
        return fault

    def _keep(self, scope: Scope, call: Call, answer: Answer | None, fault: Fault | None) -> None:
        query = f"?{call.query_string}" if call.query_string else ""
        exchange = Exchange(
            method=call.method,
            target=f"{scope['path']}{query}",
            request_headers=scope["headers"],
            request_body=call.body[:LARGEST_KEPT_BODY],
            fault=fault.mode.value if fault else None,
        )
        if answer is not None:
            exchange.status = answer.status
            exchange.response_headers = answer.head()
            exchange.response_body = answer.body
        self._store.attach(exchange, call.accepted)


async def _read(receive: Receive) -> bytes | None:
    """Read a body to its end, None if the client leaves before; of what is too large only so much is kept."""
    chunks: list[bytes] = []
    kept = 0
    while True:
        event = await receive()
        if event["type"] == "http.disconnect":
            return None
        if kept <= LARGEST_REQUEST:
            chunks.append(event["body"])
            kept += len(event["body"])
        if not event["more_body"]:
            return b"".join(chunks)


def _call(scope: Scope, path: str, at: float, body: bytes, parameters: Mapping[str, str]) -> Call:
    return Call(
        method=scope["method"],
        path=path,
        query_string=scope["query_string"].decode("latin-1"),
        headers={name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]},
        client=scope["client"][0] if scope["client"] else "",
        at=at,
        body=body,
        parameters=dict(parameters),
    )


async def _handle(vendor: StandIn, found: Found | Answer, fault: Fault | None, call: Call) -> Answer:
    """Return the vendor's answer, or what stands in for it."""
    if isinstance(found, Answer):
        return found
    if len(call.body) > LARGEST_REQUEST:
        return vendor.failure(413)
    if fault is not None and not fault.takes_message:
        return fault.instead(vendor)
    try:
        answer = await found.route.handler(call)
    except Refused as refusal:
        answer = refusal.answer
    if fault is None:
        return answer
    return fault.instead(vendor) if fault.mode in {Mode.HTTP_500, Mode.HTTP_502} else fault.distort(answer)
