"""What the vendors have taken: every message for every recipient, with its way through the vendor's states."""

from __future__ import annotations

import heapq
import itertools
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from threading import RLock
from typing import Literal, TypedDict, Unpack

from airflow_provider.engine.segments import Segmentation, measure

FINAL_STATES = frozenset({"delivered", "failed"})
Channel = Literal["sms", "email", "whatsapp"]
Clock = Callable[[], float]
"""Seconds since 1970; tests pass their own and turn its hands."""


@lru_cache(maxsize=1024)
def measured(text: str) -> Segmentation:
    """Measure an SMS as operators bill it, with their suffix; remembered, since bulk repeats its texts."""
    return measure(text, reserve_suffix=True)


def iso(moment: float) -> str:
    """Write a moment as ISO 8601 in UTC with milliseconds."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that came with a message; its content is not kept."""

    name: str
    media_type: str
    size: int
    sha256: str


@dataclass(slots=True)
class Exchange:
    """The raw request and response of a send, shared by all of its messages; emptied when too old."""

    method: str
    target: str
    request_headers: Sequence[tuple[bytes, bytes]]
    request_body: bytes
    fault: str | None = None
    status: int | None = None
    response_headers: Sequence[tuple[bytes, bytes]] = ()
    response_body: bytes = b""
    kept: bool = True

    def forget(self) -> None:
        """Let go of everything."""
        self.kept = False
        self.request_headers = self.response_headers = ()
        self.target, self.request_body, self.response_body = "", b"", b""


class Details(TypedDict, total=False):
    """What only some messages have."""

    credits: int
    measured: Segmentation | None
    subject: str | None
    html: str | None
    cc: tuple[str, ...]
    bcc: tuple[str, ...]
    reply_to: tuple[str, ...]
    attachment: Attachment | None
    options: dict[str, object]


@dataclass(slots=True)
class Message:
    """One message for one recipient, as the vendor took it."""

    id: str
    vendor: str
    channel: Channel
    to: str
    """E.164, or an e-mail address."""
    sender: str
    text: str
    message_id: str
    """The vendor's own id of the send (`sms_id`, `requestId`, ...), empty where it gives none."""
    received_at: float
    steps: tuple[tuple[str, float], ...]
    """Each state with the moment it begins; those to come included."""
    credits: int = 0
    measured: Segmentation | None = None
    subject: str | None = None
    html: str | None = None
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()
    reply_to: tuple[str, ...] = ()
    attachment: Attachment | None = None
    options: dict[str, object] = field(default_factory=dict)
    """What else the sender chose: scheduling, speed, report id, language."""
    exchange: Exchange | None = None
    callbacks: tuple[tuple[float, str], ...] = ()
    """When the vendor called back, and what came of it."""
    next_step: float | None = None
    """When the next step begins that nobody has been told of."""

    def timeline(self, now: float) -> list[tuple[str, float]]:
        """Return the states up to `now`, each with the moment it began."""
        return [self.steps[0], *(step for step in self.steps[1:] if step[1] <= now)]

    def state(self, now: float) -> str:
        """Return the state at `now`."""
        return self.timeline(now)[-1][0]


class Store:
    """The messages of all vendors, newest last; the oldest go when there are too many."""

    max_messages = 250_000
    max_exchanges = 20_000

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.lock = RLock()
        self.on_change: Callable[[dict[str, object]], None] = lambda _: None
        """Called with a small JSON-able object for each change."""
        self.on_final: Callable[[Message], None] = lambda _: None
        """Called when a message reaches a final state."""
        self._begin()

    def _begin(self) -> None:
        self._messages: OrderedDict[str, Message] = OrderedDict()
        self._of_send: dict[tuple[str, str], list[Message]] = {}
        self._exchanges: deque[Exchange] = deque()
        self._ahead: list[tuple[float, int, Message]] = []
        self._numbers = itertools.count(1)
        self._order = itertools.count()

    def reset(self) -> None:
        """Forget every message."""
        with self.lock:
            self._begin()

    def take(
        self,
        *,
        vendor: str,
        channel: Channel,
        to: str,
        sender: str,
        text: str,
        message_id: str,
        received_at: float,
        steps: tuple[tuple[str, float], ...],
        **details: Unpack[Details],
    ) -> Message:
        """Record one message for one recipient; it takes its later `steps` by itself as time passes."""
        with self.lock:
            message = Message(
                id=f"m{next(self._numbers)}",
                vendor=vendor,
                channel=channel,
                to=to,
                sender=sender,
                text=text,
                message_id=message_id,
                received_at=received_at,
                steps=steps,
                **details,
            )
            self._messages[message.id] = message
            if message_id:
                self._of_send.setdefault((vendor, message_id), []).append(message)
            if len(steps) > 1:
                self._expect(message, steps[1][1])
            while len(self._messages) > self.max_messages:
                _, oldest = self._messages.popitem(last=False)
                self._of_send.pop((oldest.vendor, oldest.message_id), None)
        self.on_change({"kind": "message", "vendor": vendor, "id": message.id, "state": steps[0][0]})
        return message

    def _expect(self, message: Message, begins: float) -> None:
        message.next_step = begins
        heapq.heappush(self._ahead, (begins, next(self._order), message))

    def attach(self, exchange: Exchange, messages: Sequence[Message]) -> None:
        """Keep the exchange in which `messages` came; of the oldest exchanges nothing is kept."""
        with self.lock:
            for message in messages:
                message.exchange = exchange
            self._exchanges.append(exchange)
            if len(self._exchanges) > self.max_exchanges:
                self._exchanges.popleft().forget()

    def settle(self) -> None:
        """Tell of every message whose next state has begun since the last call."""
        now = self.clock()
        while True:
            with self.lock:
                if not self._ahead or self._ahead[0][0] > now:
                    return
                begun, _, message = heapq.heappop(self._ahead)
                if message.next_step != begun:  # moved by hand since
                    continue
                message.next_step = None
                later = [begins for _, begins in message.steps if begins > now]
                if later:
                    self._expect(message, later[0])
            self._tell(message, now)

    def _tell(self, message: Message, now: float) -> None:
        state = message.state(now)
        self.on_change({"kind": "state", "vendor": message.vendor, "id": message.id, "state": state})
        if state in FINAL_STATES:
            self.on_final(message)

    def set_state(self, message: Message, state: str) -> None:
        """Move `message` to `state` by hand; what would have come by itself no longer does."""
        now = self.clock()
        with self.lock:
            message.steps = (*message.timeline(now), (state, now))
            message.next_step = None
        self._tell(message, now)

    def get(self, message_id: str) -> Message | None:
        """Return the message with this id of the sandbox's own."""
        with self.lock:
            return self._messages.get(message_id)

    def of_send(self, vendor: str, message_id: str) -> list[Message]:
        """Return all messages of one send, by the vendor's id."""
        with self.lock:
            return list(self._of_send.get((vendor, message_id), ()))

    def messages(self, *, vendor: str | None = None, to: str | None = None) -> list[Message]:
        """Return the messages, oldest first, of one vendor or to one recipient if asked."""
        with self.lock:
            found = list(self._messages.values())
        return [
            message
            for message in found
            if (vendor is None or message.vendor == vendor) and (to is None or message.to == to)
        ]
