"""Send through the ledger: the one way of every door to every vendor.

:func:`send` is a generator that a driver runs. It yields the vendor's requests and the ledger's calls, so the
rules that keep a message from going out twice are written once for sync and async alike:

1. the request is built, so that what is wrong with the message shows before anything is claimed;
2. the claim is committed;
3. the request goes out, unless the lease is already too short;
4. what became of it is recorded, compare-and-set on the attempt.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from airflow_provider.engine import segments
from airflow_provider.engine.errors import (
    CodeNotRetained,
    InvalidMessage,
    MessagingError,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    UnreadableResponse,
)
from airflow_provider.engine.exchange import Accepted, Exchange, Pause, Step, Work, start_before
from airflow_provider.engine.ledger.claims import Attempt, Claim, Found, Ledger, Origin, Outcome, StoredError
from airflow_provider.engine.ledger.states import OnUnknown, Verdict
from airflow_provider.engine.messages import Channel, Email, Message, Receipt, Sms, State
from airflow_provider.engine.redaction import mask
from airflow_provider.engine.vendors.base import Vendor, find, recipients_per_request

__all__ = ["Policy", "send"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Policy:
    """How a call wants its messages handled.

    Attributes:
        on_unknown: What to do with a message whose outcome is unknown from before: ``fail``, ``accept`` the
            doubt, or ``resend`` at the risk of a second message.
        deadline: The driver's deadline for one request in seconds.
        margin: Seconds that a claim is held beyond the deadline; the time in which the request must begin.
    """

    on_unknown: OnUnknown = "fail"
    deadline: float = 30.0
    margin: float = 15.0

    @property
    def lease(self) -> float:
        """Seconds that a claim is held."""
        return self.deadline + self.margin


Steps = Generator[Step, Any, list[Receipt]]


def send(
    vendor: Vendor,
    operation: str,
    messages: Sequence[Message],
    *,
    origin: Origin,
    ledger: Ledger,
    policy: Policy | None = None,
) -> Steps:
    """Send messages, each recipient at most once under its key.

    Args:
        vendor: The vendor's object with its account.
        operation: One of the vendor's sends, for example ``send_sms``.
        messages: What to send. One message may name many recipients.
        origin: What the keys are made of.
        ledger: Where claims and outcomes are kept.
        policy: How to handle doubt and time.

    Returns:
        A receipt for each recipient of each message, in order.

    Raises:
        UnsupportedOperation: The vendor has no such operation.
        InvalidMessage: The vendor cannot take the message; nothing was claimed.
        MessagingError: Something did not go out, or may not have. ``receipts`` holds all that is known. With
            several failures it is the gravest: an unknown outcome before what was not sent before a refusal.
    """
    call = _Call(vendor, operation, origin, ledger, policy or Policy())
    groups = call.groups(messages)
    if len(groups) > 1:
        # A message that cannot be built must show before its neighbours have gone out.
        for group in groups:
            call.begin(group, Attempt())
    results: _Results = {}
    problems: list[MessagingError] = []
    for group in groups:
        halt = next(filter(_stops_the_call, problems), None)
        results |= call.left_out(group, halt) if halt else (yield from call.send_group(group, problems))
    receipts = [results[_place(claim)] for group in groups for claim in group]
    if problems:
        raise _gravest(problems, receipts)
    return receipts


_Results = dict[tuple[str, int], Receipt]


def _place(claim: Claim) -> tuple[str, int]:
    # Within one call the channel is the same, so recipient and ordinal name the row.
    return claim.to, claim.ordinal


def _stops_the_call(problem: MessagingError) -> bool:
    # What holds for the account or the line holds for the next recipient too; a bad row or an unknown does not.
    return isinstance(problem, NotSent) or (isinstance(problem, Rejected) and problem.scope == "account")


def _gravest(problems: Sequence[MessagingError], receipts: Sequence[Receipt]) -> MessagingError:
    order: tuple[type[MessagingError], ...] = (OutcomeUnknown, NotSent, Rejected)

    def gravity(problem: MessagingError) -> int:
        return next((rank for rank, kind in enumerate(order) if isinstance(problem, kind)), len(order))

    worst = min(problems, key=gravity)
    if len(receipts) > 1:
        fine = sum(receipt.error is None for receipt in receipts)
        worst.sentence += f" ({fine} of {len(receipts)} recipients are fine.)"
    worst.receipts = tuple(receipts)
    return worst


class _Call:
    """One call of :func:`send`: what all its groups share."""

    def __init__(
        self, vendor: Vendor, operation: str, origin: Origin, ledger: Ledger, policy: Policy
    ) -> None:
        self.vendor = vendor
        self.operation = operation
        self.ledger = ledger
        self.policy = policy
        self._origin = origin
        self._each = operation == "send_whatsapp_each"
        self._function = find(vendor, operation)

    # --- splitting a call into requests ---------------------------------------------------------------

    def groups(self, messages: Sequence[Message]) -> list[list[Claim]]:
        """Return the claims of one request after another."""
        limit = recipients_per_request(self.vendor, self.operation)
        claims = self._claims(messages)
        if self._each:
            return list(_chunks(claims, limit))
        groups: list[list[Claim]] = []
        for message in messages:
            own = [claim for claim in claims if claim.message is message]
            # The recipients of a mail stand in one envelope, whatever the vendor's limit for texts is.
            groups += _chunks(own, len(own) if message.channel is Channel.EMAIL else limit)
        return groups

    def _claims(self, messages: Sequence[Message]) -> list[Claim]:
        ordinals: dict[tuple[Channel, str], int] = {}
        claims = []
        for message in messages:
            cost = _cost(message)
            for to in message.to:
                ordinal = ordinals.get((message.channel, to), 0)
                ordinals[message.channel, to] = ordinal + 1
                claims.append(
                    Claim(
                        self._origin,
                        message.channel,
                        to,
                        ordinal,
                        self.vendor.key,
                        self.vendor.account.conn_id,
                        self.operation,
                        message,
                        sender=getattr(message, "sender", None) or self.vendor.account.sender,
                        **cost,
                    )
                )
        return claims

    # --- one request ----------------------------------------------------------------------------------

    def send_group(
        self, group: list[Claim], problems: list[MessagingError]
    ) -> Generator[Step, Any, _Results]:
        """Claim a group, send what could be claimed, and record what became of it.

        What went wrong is added to ``problems``.
        """
        attempt = Attempt()
        # Built before the claim: what is wrong with a message must show while nothing is claimed.
        begun = self.begin(group, attempt)
        began = time.monotonic()
        found = yield from self._claim(group, attempt)
        mine, busy, results = [], [], _Results()
        for claim, row in zip(group, found, strict=True):
            if row.verdict is Verdict.CLAIM:
                mine.append((claim, row))
            elif row.verdict is Verdict.WAIT:
                busy.append(claim)
            else:
                results[_place(claim)] = self._replay(claim, row, problems)
        if mine:
            if len(mine) < len(group):
                begun = self.begin([claim for claim, _ in mine], attempt, whole=False)
            results |= yield from self._send_claimed(mine, *begun, attempt, began, problems)
        if busy:
            # Somebody else holds these; they get a request of their own once that is settled.
            results |= yield from self.send_group(busy, problems)
        return results

    def _send_claimed(
        self,
        mine: Sequence[tuple[Claim, Found]],
        exchange: Exchange[Accepted],
        request: httpx.Request,
        attempt: Attempt,
        began: float,
        problems: list[MessagingError],
    ) -> Generator[Step, Any, _Results]:
        keys = [row.key for _, row in mine]
        accepted, problem = yield from self._converse(exchange, request, attempt, keys, began)
        # A mail is one envelope: its copies would go out with each half.
        several = len(mine) > 1 and mine[0][0].channel is not Channel.EMAIL
        if several and isinstance(problem, Rejected) and problem.scope != "account":
            return (yield from self._split(mine, attempt, problems, problem))
        outcomes = [self._outcome(claim, row.key, accepted, problem) for claim, row in mine]
        recorded = yield from self._record(attempt, outcomes)
        if problem is not None:
            problems.append(problem)
        else:
            problems += [outcome.error.revive() for outcome in outcomes if outcome.error is not None]
        return {
            _place(claim): self._fresh_receipt(claim, row, outcome, accepted, recorded)
            for (claim, row), outcome in zip(mine, outcomes, strict=True)
        }

    def begin(
        self, group: Sequence[Claim], attempt: Attempt, *, whole: bool = True
    ) -> tuple[Exchange[Accepted], httpx.Request]:
        """Start the vendor's generator for a group and return it with its first request.

        ``whole`` is False when others of the group's recipients have had it before.
        """
        message: Any = group[0].message
        if self._each:
            argument: Any = [claim.message.narrowed([claim.to]) for claim in group]
        else:
            argument = message.narrowed([claim.to for claim in group])
            if isinstance(message, Email) and not whole:
                # Copies went out with the first envelope.
                argument = argument.model_copy(update={"cc": (), "bcc": ()})
        exchange: Exchange[Accepted] = self._function(argument, report_id=attempt.report_id)
        try:
            return exchange, next(exchange)
        except MessagingError as error:
            raise self._placed(error) from error.__cause__

    def _claim(self, group: Sequence[Claim], attempt: Attempt) -> Generator[Step, Any, Sequence[Found]]:
        """Claim what is free; while all that is open is held by somebody else, wait for it."""
        waited, pause = 0.0, 0.05
        while True:
            found = yield from self._claim_once(group, attempt)
            verdicts = {row.verdict for row in found}
            if Verdict.CLAIM in verdicts or Verdict.WAIT not in verdicts:
                return found
            left = max(row.lease_left for row in found if row.verdict is Verdict.WAIT)
            if waited > self.policy.lease * 2:
                raise self._placed(
                    RateLimited(
                        "Another process is sending this message and keeps claiming it.",
                        retry_at=datetime.now(UTC) + timedelta(seconds=left),
                    )
                )
            seconds = min(pause, left + 0.01)
            yield Pause(seconds)
            waited, pause = waited + seconds, min(pause * 1.5, 1.0)

    def _claim_once(self, group: Sequence[Claim], attempt: Attempt) -> Generator[Step, Any, Sequence[Found]]:
        policy = self.policy
        try:
            found: Sequence[Found] = yield Work(
                lambda: self.ledger.claim(group, attempt, lease=policy.lease, on_unknown=policy.on_unknown)
            )
        except MessagingError as error:
            raise self._placed(error) from error.__cause__
        except Exception as error:
            raise self._placed(
                NotSent(
                    f"The ledger could not take the claim ({type(error).__name__}), and without it nothing is sent."
                )
            ) from error
        except BaseException:
            # Stopped before a byte left: whatever was claimed by now is provably not sent.
            yield Work(lambda: self.ledger.release(attempt))
            raise
        return found

    def _converse(
        self,
        exchange: Exchange[Accepted],
        request: httpx.Request,
        attempt: Attempt,
        keys: Sequence[str],
        began: float,
    ) -> Generator[Step, Any, tuple[Accepted | None, MessagingError | None]]:
        """Carry the vendor's requests to the driver; return what the vendor said or what went wrong."""
        latest = began + self.policy.margin
        try:
            while True:
                start_before(request, latest)
                try:
                    response = yield request
                except BaseException as error:
                    request = exchange.throw(error)
                else:
                    request = exchange.send(response)
        except StopIteration as done:
            return done.value, None
        except UnreadableResponse as error:
            unknown = OutcomeUnknown(
                error.sentence, status=error.status, code=error.code, request_id=error.request_id
            )
            return None, self._placed(unknown)
        except MessagingError as error:
            return None, self._placed(error)
        except Exception as error:
            logger.exception(
                "%s %s: a fault in Ulak while a request was out", self.vendor.key, self.operation
            )
            unknown = OutcomeUnknown(f"Ulak failed while the request was out ({type(error).__name__}).")
            unknown.__cause__ = error
            return None, self._placed(unknown)
        except BaseException as error:
            # Cancelled, interrupted or ordered to exit while bytes were under way.
            stopped = StoredError.of(
                OutcomeUnknown(f"The process was stopped by {type(error).__name__} during the send.")
            )
            yield from self._record(attempt, [Outcome(key, State.UNKNOWN, error=stopped) for key in keys])
            raise

    def _split(
        self,
        mine: Sequence[tuple[Claim, Found]],
        attempt: Attempt,
        problems: list[MessagingError],
        problem: MessagingError,
    ) -> Generator[Step, Any, _Results]:
        """After a definite refusal of a request for many: halve it until the bad row is alone."""
        detail = (
            f"the vendor refused a request for {len(mine)} recipients, so it is split: {problem.sentence}"
        )
        yield from self._record(attempt, [Outcome(row.key, State.NOT_SENT, detail=detail) for _, row in mine])
        claims = [claim for claim, _ in mine]
        half = len(claims) // 2
        results = yield from self.send_group(claims[:half], problems)
        halt = next(filter(_stops_the_call, problems), None)
        rest = claims[half:]
        return results | (self.left_out(rest, halt) if halt else (yield from self.send_group(rest, problems)))

    def left_out(self, group: Sequence[Claim], halt: MessagingError) -> _Results:
        """Return receipts for recipients that were not tried after what holds for all of them."""
        sentence = f"Not tried, because an earlier recipient of the call met this: {halt.sentence}"
        return {_place(claim): self._receipt(claim, State.NOT_SENT, error=sentence) for claim in group}

    def _record(self, attempt: Attempt, outcomes: Sequence[Outcome]) -> Generator[Step, Any, bool]:
        """Record, and never let a failing ledger look like a failing send."""
        try:
            mine: bool = yield Work(lambda: self.ledger.record(attempt, outcomes))
        except Exception:
            logger.exception(
                "The ledger could not record %d outcome(s) of %s (first: %s). When their lease ends they read as"
                " UNKNOWN; they will not be sent again by themselves.",
                len(outcomes),
                self.vendor.account.conn_id,
                outcomes[0].state,
            )
            return False
        if not mine:
            logger.error(
                "An attempt through %s ended as %s after its row had gone on without it; see `ulak ledger show %s`.",
                self.vendor.account.conn_id,
                outcomes[0].state,
                outcomes[0].key[:12],
            )
        return mine

    # --- what it came to ------------------------------------------------------------------------------

    def _placed(self, error: MessagingError) -> MessagingError:
        """Name the vendor and operation on an error that does not know them."""
        error.vendor = error.vendor or self.vendor.key
        error.operation = error.operation or self.operation
        return error

    def _outcome(
        self, claim: Claim, key: str, accepted: Accepted | None, problem: MessagingError | None
    ) -> Outcome:
        if accepted is not None:
            word = accepted.refused.get(claim.to)
            if word is not None:
                refusal = Rejected(word, scope="recipient", vendor=self.vendor.key, operation=self.operation)
                return Outcome(key, State.REJECTED, scope="recipient", error=StoredError.of(refusal))
            # What a request for many cost is known for the whole alone.
            charged = accepted.charged if len(claim.message.to) == 1 else None
            return Outcome(key, State.ACCEPTED, message_id=accepted.message_id, charged=charged)
        if problem is None:
            problem = OutcomeUnknown("The vendor's module returned nothing.")
        stored = StoredError.of(problem)
        if isinstance(problem, Rejected):
            return Outcome(key, State.REJECTED, scope=problem.scope, error=stored)
        if isinstance(problem, OutcomeUnknown):
            return Outcome(key, State.UNKNOWN, error=stored)
        return Outcome(key, State.NOT_SENT, error=stored)

    def _receipt(self, claim: Claim, state: State, **values: Any) -> Receipt:
        """Return a receipt with what the claim itself tells."""
        told: dict[str, Any] = {
            "key": "",
            "vendor": self.vendor.key,
            "conn_id": self.vendor.account.conn_id,
            "to": claim.to,
            "encoding": claim.encoding,
            "segments": claim.segments,
            "credits": claim.credits,
            "cost_note": claim.cost_note,
            "mode": claim.mode,
            "ledger_id": self.ledger.ledger_id,
        }
        return Receipt(state=state, **(told | values))

    def _fresh_receipt(
        self, claim: Claim, row: Found, outcome: Outcome, accepted: Accepted | None, recorded: bool
    ) -> Receipt:
        return self._receipt(
            claim,
            outcome.state,
            key=row.key,
            attempt=row.attempt,
            report_id=row.report_id,
            message_id=outcome.message_id,
            charged=outcome.charged,
            error=None if outcome.error is None else outcome.error.sentence,
            recorded=recorded,
            code=None if accepted is None else accepted.code,
        )

    def _replay(self, claim: Claim, row: Found, problems: list[MessagingError]) -> Receipt:
        """Return the stored receipt; a stored error that is to be raised again goes to ``problems``."""
        problem: MessagingError | None = None
        if row.verdict is Verdict.RAISE:
            problem = self._placed(row.error.revive() if row.error else _without_words(row.state))
        elif claim.channel is Channel.OTP and row.state is not State.UNKNOWN:
            problem = self._placed(CodeNotRetained("This one-time code went out earlier under the same key."))
        receipt = self._receipt(
            claim,
            row.state,
            key=row.key,
            attempt=row.attempt,
            report_id=row.report_id,
            message_id=row.message_id,
            encoding=row.encoding,
            segments=row.segments,
            credits=row.credits,
            charged=row.charged,
            cost_note=row.cost_note,
            error=None if problem is None else problem.sentence,
            replayed=True,
        )
        logger.warning(
            "Not sent again to %s through %s: the ledger already holds it as %s under this key%s.",
            mask(claim.to),
            self.vendor.account.conn_id,
            row.state,
            "" if row.same_content else ", with another text; use a new key to send the new text",
        )
        if problem is not None:
            problems.append(problem)
        return receipt


def _without_words(state: State) -> MessagingError:
    if state is State.UNKNOWN:
        return OutcomeUnknown(
            "An earlier attempt under this key was stopped before its outcome was recorded."
        )
    return Rejected(f"An earlier attempt under this key ended as {state}.", scope="recipient")


def _chunks(claims: Sequence[Claim], size: int) -> Iterator[list[Claim]]:
    for start in range(0, len(claims), max(size, 1)):
        yield list(claims[start : start + size])


def _cost(message: Message) -> dict[str, Any]:
    """Return what a message costs for one recipient, and why."""
    match message.channel:
        case Channel.SMS if isinstance(message, Sms):
            try:
                measured = segments.measure(message.text, reserve_suffix=message.reserve_suffix)
            except ValueError as error:
                raise InvalidMessage(f"The text cannot be encoded: {error}") from None
            return {
                "encoding": measured.encoding.value,
                "segments": measured.segments,
                "credits": measured.segments,
                "cost_note": measured.note,
            }
        case Channel.EMAIL:
            return {"cost_note": "e-mail is not counted in credits"}
        case Channel.WHATSAPP:
            return {"credits": 1, "cost_note": "one WhatsApp message"}
        case _:
            return {"segments": 1, "credits": 1, "cost_note": "one-time code, one segment"}
