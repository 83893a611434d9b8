"""A vendor that says what a test wants, a driver without a network, and a clock that both clocks follow."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import httpx
from pydantic import SecretStr
from sqlalchemy import Engine, event

from airflow_provider.engine.account import Account
from airflow_provider.engine.exchange import Accepted, Exchange, Pause, Step, Work, build, start_before_of
from airflow_provider.engine.ledger.secret import Secret
from airflow_provider.engine.ledger.store import SqlLedger
from airflow_provider.engine.messages import Email, Otp, Sms, WhatsApp

API_KEY = "vendor-api-key-0123456789"
SECRET_TEXT = "the secret of the test installation"


class ScriptedVendor:
    """Has every send. What it says about an answer stands in the answer: a result, or an error to raise."""

    key: ClassVar[str] = "turkeysms"

    def __init__(self, limit: int = 1, *, conn_id: str = "vendor_default") -> None:
        self.account = Account(
            conn_id=conn_id, base_url="https://vendor.invalid", secret=API_KEY, sender="ULAK"
        )
        names = ("send_sms", "send_whatsapp", "send_whatsapp_each")
        self.recipients_per_request: Mapping[str, int] = dict.fromkeys(names, limit)

    def send_sms(self, sms: Sms, *, report_id: int) -> Exchange[Accepted]:
        return self._ask(sms.to, report_id, text=sms.text)

    def send_otp(self, otp: Otp, *, report_id: int) -> Exchange[Accepted]:
        return self._ask(otp.to, report_id, digits=otp.digits)

    def send_email(self, email: Email, *, report_id: int) -> Exchange[Accepted]:
        return self._ask(email.to, report_id, cc=email.cc, bcc=email.bcc, subject=email.subject)

    def send_whatsapp(self, message: WhatsApp, *, report_id: int) -> Exchange[Accepted]:
        return self._ask(message.to, report_id, text=message.text)

    def send_whatsapp_each(self, messages: Sequence[WhatsApp], *, report_id: int) -> Exchange[Accepted]:
        to = [number for message in messages for number in message.to]
        return self._ask(to, report_id, texts=[message.text for message in messages])

    def check(self, to: Sequence[str]) -> None:
        """Refuse what cannot be sent; a test may put its own in place."""

    def _ask(self, to: Sequence[str], report_id: int, **fields: Any) -> Exchange[Accepted]:
        self.check(to)
        body = {"to": list(to), "report_id": report_id, **fields}
        response = yield build("POST", f"{self.account.base_url}/send", json=body)
        said = response.extensions["said"]
        if isinstance(said, Exception):
            raise said
        return said


@dataclass(frozen=True)
class Thrown:
    """What the line does in place of an answer: the driver throws it at the request."""

    error: BaseException


Answer = Accepted | Exception | Thrown | None
"""What the vendor says: a result, an error that its module raises after reading the answer, or no answer at all."""


def body_of(request: httpx.Request) -> dict[str, Any]:
    """Return what a request tells the vendor."""
    told: dict[str, Any] = json.loads(request.content)
    return told


@dataclass
class Wire:
    """Plays steps as the drivers do: work is done, pauses let the clock run, requests are answered by script.

    Attributes:
        answer: What the vendor says: called with each request, or taken from the beginning of a list.
        requests: All that went out.
        left: For each of them the seconds in which it had to begin.
        pauses: All waits in seconds.
        before, after: Called with each step before and after it is performed.
    """

    answer: Callable[[httpx.Request], Answer] | list[Answer]
    clock: Clock
    requests: list[httpx.Request] = field(default_factory=list)
    left: list[float] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    before: Callable[[Step], None] = lambda step: None
    after: Callable[[Step], None] = lambda step: None

    def run(self, steps: Generator[Step, Any, Any]) -> Any:
        """Play steps from their beginning."""
        return self._play(steps, None, None)

    def go_on(self, steps: Generator[Step, Any, Any], said: Answer) -> Any:
        """Play steps that wait at a request, which is answered so, to their end."""
        if isinstance(said, Thrown):
            return self._play(steps, None, said.error)
        return self._play(steps, httpx.Response(200, extensions={"said": said}), None)

    def _play(self, steps: Generator[Step, Any, Any], reply: Any, failure: BaseException | None) -> Any:
        while True:
            try:
                step = steps.send(reply) if failure is None else steps.throw(failure)
            except StopIteration as done:
                return done.value
            reply, failure = None, None
            try:
                self.before(step)
                reply = self._perform(step)
                self.after(step)
            except BaseException as error:
                failure = error

    @property
    def recipients(self) -> list[list[str]]:
        """Whom each request was for."""
        return [body_of(request)["to"] for request in self.requests]

    def _perform(self, step: Step) -> Any:
        if isinstance(step, Work):
            return step.call()
        if isinstance(step, Pause):
            self.pauses.append(step.seconds)
            return self.clock.advance(step.seconds)
        self.requests.append(step)
        self.left.append(self.clock.left(step))
        said = self.answer(step) if callable(self.answer) else self.answer.pop(0)
        if isinstance(said, Thrown):
            raise said.error
        return httpx.Response(200, extensions={"said": said})


class Clock:
    """The time of the database and of ``time.monotonic`` in dispatch, which passes only when a test says so."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def advance(self, seconds: float) -> None:
        self.now += seconds

    def monotonic(self) -> float:
        return self.now - 1_700_000_000.0

    def left(self, request: httpx.Request) -> float:
        """Return the seconds in which a request must begin."""
        latest = start_before_of(request)
        assert latest is not None
        return latest - self.monotonic()

    def rule(self, connection: Any, _record: Any) -> None:
        """Give a connection this time in place of the machine's."""
        connection.create_function("julianday", 1, lambda _: 2440587.5 + self.now / 86400)

    def __enter__(self) -> Clock:
        event.listen(Engine, "connect", self.rule)
        return self

    def __exit__(self, *_: object) -> None:
        event.remove(Engine, "connect", self.rule)


def open_ledger(path: Any, secret: str = SECRET_TEXT) -> SqlLedger:
    """Open the ledger of a folder."""
    return SqlLedger.open(f"sqlite:///{path / 'ulak.db'}", Secret(secret))


def accepted(message_id: str = "m-1", **details: Any) -> Accepted:
    """Return a vendor's yes."""
    return Accepted(message_id=message_id, **details)


def with_code(code: str) -> Accepted:
    """Return a vendor's yes to a one-time code."""
    return Accepted(message_id="otp-1", code=SecretStr(code))
