"""How a generator is played, and how one of its requests is tried: all that is decided without I/O."""

from __future__ import annotations

import inspect
import random
import re
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import httpx

from airflow_provider.engine.account import Network
from airflow_provider.engine.drivers.failures import Failure
from airflow_provider.engine.errors import ConfigurationError, NotSent, RateLimited
from airflow_provider.engine.exchange import Intent, Pause, intent_of, read_timeout_of, start_before_of

__all__ = ["Attempt", "Reads", "answer", "date", "play", "tries"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reads:
    """How stubbornly a read is repeated; acts and sends never are.

    All tries share the request's one deadline, and none begins in its second half.

    Attributes:
        tries: How often it is asked at most.
        pause: Seconds before the second try: at least so many, by chance up to twice that. They double each time.
    """

    tries: int = 3
    pause: float = 0.2

    def pause_after(self, tried: int) -> float:
        """Return the seconds to wait after so many tries."""
        return self.pause * 2.0 ** (tried - 1) * (1 + random.random())  # noqa: S311 - spreads load, hides nothing


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of one request. Moments are those of ``time.monotonic``.

    Attributes:
        request: What to send.
        intent: What it does.
        read: Seconds that the vendor may be silent.
        span: Seconds from the first try to the deadline.
        ends: The deadline.
        stands_by: The moment by which a connection must stand, the wait for a free one included.
        start_before: The moment after which no byte may leave, if there is one.
    """

    request: httpx.Request
    intent: Intent
    read: float
    span: float
    ends: float
    stands_by: float
    start_before: float | None

    def check_start(self) -> None:
        """Make sure that the request may still begin.

        Raises:
            NotSent: It may not; the process was busy or asleep for too long.
        """
        if self.start_before is not None and time.monotonic() > self.start_before:
            raise NotSent("Too much time had passed when the request was about to begin.")

    def unconnected(self) -> Failure:
        """Return the failure that no connection stood in time."""
        return Failure("No connection to the vendor stood in time.", left=False)

    def silence(self, status: int | None) -> Failure:
        """Return the failure that the vendor was silent, or took its time, for too long."""
        if time.monotonic() < self.ends:
            return Failure(f"No answer came within {self.read:g} s.", status=status)
        return Failure(f"No whole answer came within {self.span:g} s.", status=status)


def play(
    steps: Generator[Any, Any, T], perform: Callable[[Any], Any], failure: BaseException | None = None
) -> T:
    """Have every step performed until the generator ends, and return or raise what it ends with.

    Args:
        steps: The generator.
        perform: Does one step and returns what to send back; what it raises is thrown in.
        failure: What to throw in at once, into a generator that waits at a step.
    """
    reply = None
    while True:
        try:
            while True:
                step = steps.send(reply) if failure is None else steps.throw(failure)
                reply = failure = None
                reply = perform(step)
        except BaseException as error:
            # One net around all of it: an interrupt may strike at any bytecode, and the generator must see it.
            if inspect.getgeneratorstate(steps) == inspect.GEN_CLOSED:
                if isinstance(error, StopIteration):
                    return error.value  # type: ignore[no-any-return]
                raise
            failure = error


def tries(
    request: httpx.Request, network: Network, reads: Reads
) -> Generator[Attempt | Pause, httpx.Response | Failure | None, httpx.Response]:
    """Ask once, or for a read up to the allowed number of times, and return the answer.

    A read is tried again when no answer came, and when the vendor answered with a server error.

    Raises:
        ConfigurationError: The request cannot be sent by anybody.
        NotSent, OutcomeUnknown, UnreadableResponse: As :class:`Failure` decides.
    """
    _check_form(request)
    intent = intent_of(request)
    patience = read_timeout_of(request)
    read = network.read_timeout if patience is None else patience
    span = network.deadline if patience is None else max(network.deadline, patience + 5)
    start_before = start_before_of(request)
    began = now = time.monotonic()
    tried = 0
    while True:
        # A tenth is kept for the answer, so that "never connected" cannot be mistaken for "never answered".
        stands_by = min(now + network.connect_timeout, began + span * 0.9)
        if start_before is not None:
            stands_by = min(stands_by, start_before)
        outcome = yield Attempt(request, intent, read, span, began + span, stands_by, start_before)
        tried += 1
        again = intent is Intent.READ and tried < reads.tries and time.monotonic() < began + span / 2
        if isinstance(outcome, httpx.Response):
            if outcome.status_code < 500 or not again:
                return outcome
        elif isinstance(outcome, Failure) and not (again and outcome.legible):
            raise outcome.error(intent)
        yield Pause(reads.pause_after(tried))
        now = time.monotonic()


_FIELD_VALUE = re.compile(rb"([^\x00\s]+([ \t]+[^\x00\s]+)*)?")


def _check_form(request: httpx.Request) -> None:
    # httpcore and aiohttp find these too, but with errors that do not tell whether something left.
    if request.url.scheme not in {"http", "https"} or not request.url.host:
        raise ConfigurationError(
            "The vendor's address does not begin with http:// or https:// and a host.",
            advice="Correct the connection's base URL.",
        )
    for name, value in request.headers.raw:
        if not _FIELD_VALUE.fullmatch(value):
            raise ConfigurationError(
                f"The header {name.decode('ascii', 'replace')} would begin or end with a blank, or break its line.",
                advice="Enter the connection's credentials again, without blanks and line breaks around them.",
            )


_OF_THE_BODY = frozenset({b"content-encoding", b"content-length", b"transfer-encoding"})


def answer(
    request: httpx.Request, status: int, headers: list[tuple[bytes, bytes]], body: bytes
) -> httpx.Response:
    """Return an answer as generators get it: whole, decoded, without the headers that said how the body came."""
    kept = [(name, value) for name, value in headers if name.lower() not in _OF_THE_BODY]
    return httpx.Response(status, headers=kept, content=body, request=request)


def date(error: RateLimited) -> None:
    """Turn the vendor's "wait so many seconds" into a moment: a minute from now when it said nothing."""
    if error.retry_at is None:
        seconds = 60.0 if error.retry_after is None else error.retry_after
        error.retry_at = datetime.now(UTC) + timedelta(seconds=seconds)
