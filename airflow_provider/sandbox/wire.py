"""What passes between the sandbox's door and a vendor's stand-in: a call in, an answer out."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta, timezone
from http import HTTPStatus
from typing import Any, ClassVar, Literal, Unpack
from urllib.parse import parse_qsl

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from airflow_provider.sandbox.store import Channel, Details, Message, Store

JSON = "application/json; charset=utf-8"
HTML = "text/html; charset=UTF-8"
ISTANBUL = timezone(timedelta(hours=3))  # no summer time; where documents name no zone, this one is meant


def json_value(body: bytes | str) -> Any:
    """Read JSON; None for what is none, and for half surrogate pairs, which no text can hold."""
    try:
        payload = json.loads(body)
        json.dumps(payload, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return payload


@dataclass(slots=True)
class Call:
    """One HTTP request to a vendor, read to its end."""

    method: str
    path: str
    query_string: str
    headers: dict[str, str]
    client: str
    at: float
    """When it arrived."""
    body: bytes
    parameters: dict[str, str]
    accepted: list[Message] = field(default_factory=list)

    @property
    def query(self) -> dict[str, str]:
        """The parameters after the question mark; of a repeated one the last counts."""
        return dict(parse_qsl(self.query_string, keep_blank_values=True))

    @property
    def media_type(self) -> str:
        """The content type without its parameters, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def json_object(self) -> dict[str, Any] | None:
        """The body as a JSON object, or None if it is not declared as JSON or is anything else."""
        if self.media_type != "application/json":
            return None
        payload = json_value(self.body)
        return payload if isinstance(payload, dict) else None


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP response of a vendor."""

    status: int
    body: bytes
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of_json(cls, status: int, payload: object, *, ascii_only: bool = False) -> Answer:
        """Answer with `payload` as compact JSON; `ascii_only` escapes all else, as PHP's json_encode does."""
        body = json.dumps(payload, ensure_ascii=ascii_only, separators=(",", ":")).encode()
        return cls(status, body)

    def head(self, length: int | None = None) -> list[tuple[bytes, bytes]]:
        """The header lines; `length` replaces the true body length."""
        size = len(self.body) if length is None else length
        return [
            (b"content-type", self.content_type.encode("latin-1")),
            (b"content-length", str(size).encode("ascii")),
            *((name.encode("latin-1"), value.encode("latin-1")) for name, value in self.headers),
        ]


class Refused(Exception):
    """The vendor says no; carries the answer in which it says so."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"answered {answer.status}")
        self.answer = answer


class Account(BaseModel):
    """What a vendor knows of the sandbox's one customer; `PUT /_sandbox/accounts/{vendor}` changes it."""

    model_config = ConfigDict(extra="forbid")

    deliver_after: float | None = Field(default=2.0, ge=0)
    """Seconds from acceptance to the final state; None leaves a message where it is."""
    final_state: Literal["delivered", "failed"] = "delivered"
    """The state in which messages end by themselves."""

    def secrets(self) -> list[str]:
        """The credentials in clear, so that they can be taken out of what is shown."""
        values = (getattr(self, name) for name in type(self).model_fields)
        return [value.get_secret_value() for value in values if isinstance(value, SecretStr)]


class MinuteWindow:
    """Counts what was sent within the last sixty seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._sent: deque[tuple[float, int]] = deque()
        self._count = 0

    def count(self) -> int:
        """Return how many messages the last minute holds."""
        horizon = self._clock() - 60
        while self._sent and self._sent[0][0] <= horizon:
            self._count -= self._sent.popleft()[1]
        return self._count

    def add(self, messages: int) -> int:
        """Count `messages` sent now, and return the new total of the minute."""
        self._sent.append((self._clock(), messages))
        self._count += messages
        return self.count()


Handler = Callable[[Call], Awaitable[Answer]]
Pause = Callable[[float], Coroutine[Any, Any, bool]]
"""Waits so many seconds and tells whether the sandbox is closing; comes back at once when it closes."""


@dataclass(frozen=True, slots=True)
class Route:
    """One operation of a vendor at one method and path; `{name}` in a path matches one segment."""

    method: str
    path: str
    operation: str
    handler: Handler
    operation_of: Callable[[Call], str] | None = None
    """Tells the operation where only the body says which of several it is."""


@dataclass(frozen=True, slots=True)
class Found:
    """The route of a request, with what its path names."""

    route: Route
    parameters: dict[str, str]


class StandIn:
    """Base of the five vendors: the table of routes, the account, and the answers all of them need."""

    key: ClassVar[str]
    title: ClassVar[str]
    states: ClassVar[tuple[str, ...]]
    """Every state that a message can be in, in the order of its way."""
    has_callbacks: ClassVar[bool] = False
    account: Account

    def __init__(self, store: Store, pause: Pause, routes: Sequence[Route]) -> None:
        self.store = store
        self.pause = pause
        self.operations = tuple(dict.fromkeys(route.operation for route in routes))
        self._exact: dict[str, dict[str, Route]] = {}
        self._patterns: list[tuple[re.Pattern[str], Route]] = []
        for route in routes:
            if "{" in route.path:
                pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", route.path.replace(".", r"\."))
                self._patterns.append((re.compile(pattern), route))
            else:
                self._exact.setdefault(route.path, {})[route.method] = route

    def find(self, method: str, path: str) -> Found | Answer:
        """Return the operation at `path`, or the 404 or 405 that a caller gets there."""
        methods = self._exact.get(path)
        if methods is not None:
            route = methods.get(method)
            return Found(route, {}) if route is not None else self.failure(405, tuple(methods))
        matches = [(route, match) for pattern, route in self._patterns if (match := pattern.fullmatch(path))]
        for route, match in matches:
            if route.method == method:
                return Found(route, match.groupdict())
        return (
            self.failure(405, tuple(route.method for route, _ in matches)) if matches else self.failure(404)
        )

    def take(
        self,
        call: Call,
        *,
        channel: Channel,
        to: str,
        sender: str,
        text: str,
        message_id: str,
        send_at: float | None = None,
        **details: Unpack[Details],
    ) -> Message:
        """Record one message for one recipient; it goes its way by the account's `deliver_after`."""
        now = self.store.clock()
        begins = now if send_at is None else send_at
        steps: tuple[tuple[str, float], ...] = (("accepted", begins),)
        if send_at is not None:
            steps = (("scheduled", now), *steps)
        if self.account.deliver_after is not None:
            steps = (*steps, (self.account.final_state, begins + self.account.deliver_after))
        message = self.store.take(
            vendor=self.key,
            channel=channel,
            to=to,
            sender=sender,
            text=text,
            message_id=message_id,
            received_at=now,
            steps=steps,
            **details,
        )
        call.accepted.append(message)
        return message

    def failure(self, status: int, allow: tuple[str, ...] = ()) -> Answer:
        """Answer with a bare HTTP status, as a web server in front of the vendor's own code would."""
        phrase = HTTPStatus(status).phrase
        page = f"<html><head><title>{status} {phrase}</title></head><body><h1>{phrase}</h1></body></html>"
        headers = (("Allow", ", ".join(allow)),) if allow else ()
        return Answer(status, page.encode(), HTML, headers)

    def throttled(self) -> Answer:
        """Answer "too many requests" the way this vendor does."""
        return self.failure(429)

    def broken(self, status: int) -> Answer:
        """Answer with a server error, 500 or 502, the way this vendor does."""
        return self.failure(status)

    def settings(self) -> Mapping[str, object]:
        """Return the account without its credentials."""
        hidden = {
            name for name, info in type(self.account).model_fields.items() if info.annotation is SecretStr
        }
        return self.account.model_dump(mode="json", exclude=hidden)

    def change_account(self, changes: Mapping[str, object]) -> None:
        """Change some settings of the account.

        Raises:
            pydantic.ValidationError: a setting is unknown or has a value that makes no sense.
        """
        model = type(self.account)
        current = {name: getattr(self.account, name) for name in model.model_fields}
        self.account = model.model_validate({**current, **changes})

    def reset(self) -> None:
        """Put account and counters back to how they were at the start."""
        self.account = type(self.account)()
