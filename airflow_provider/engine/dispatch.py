"""Send through the ledger: the one way of every door to every vendor.

:func:`send` is a generator that a driver runs. It yields the vendor's requests and the ledger's calls, so the
rules that keep a message from going out twice are written once for sync and async alike:

1. the request is built, so that what is wrong with the message shows before anything is claimed;
2. the claim is committed;
3. the request goes out, unless the lease is already too short;
4. what became of it is recorded, compare-and-set on the attempt.

A driver throws into the generator what goes wrong at a step, interrupts included, and goes on to do the work
that it still yields. A generator that is closed instead can only leave its rows to the end of their lease.
"""

from __future__ import annotations

import logging
import time
import traceback
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from airflow_provider.engine.errors import (
    ConfigurationError,
    MessagingError,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    Rejected,
)
from airflow_provider.engine.exchange import Accepted, Exchange, Pause, Step, Work, start_before
from airflow_provider.engine.ledger.claims import Attempt, Claim, Found, Ledger, Origin, Outcome, StoredError
from airflow_provider.engine.ledger.states import OnUnknown, Verdict
from airflow_provider.engine.messages import Channel, Email, Message, Receipt, State
from airflow_provider.engine.outcomes import (
    NEVER_LEFT,
    cost,
    fresh_receipt,
    gravest,
    outcome_of,
    stored_error,
    stored_receipt,
    untried_receipt,
)
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


def send(
    vendor: Vendor,
    operation: str,
    messages: Sequence[Message],
    *,
    origin: Origin,
    ledger: Ledger,
    policy: Policy | None = None,
) -> Generator[Step, Any, list[Receipt]]:
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
    groups = [(group, Attempt()) for group in call.groups(messages)]
    begun = None
    for group, attempt in groups:
        # All are built once first: what is wrong with a message must show while nothing is claimed, and before
        # its neighbours have gone out.
        begun = call.begin(group, attempt)
    for group, attempt in groups:
        yield from call.send_group(group, attempt, begun if len(groups) == 1 else None)
    yield from call.look_at_untried()
    receipts = [call.receipts[_place(claim)] for group, _ in groups for claim in group]
    if call.problems:
        raise gravest(call.problems, receipts)
    return receipts


_Begun = tuple[Exchange[Accepted], httpx.Request]
_Held = Sequence[tuple[Claim, Found]]
"""Rows that an attempt has claimed."""


def _place(claim: Claim) -> tuple[str, int]:
    # Within one call the channel is the same, so recipient and ordinal name the row.
    return claim.to, claim.ordinal


class _Call:
    """One call of :func:`send`.

    Attributes:
        receipts: What is known so far, by recipient and ordinal.
        problems: All that went wrong so far.
    """

    def __init__(
        self, vendor: Vendor, operation: str, origin: Origin, ledger: Ledger, policy: Policy
    ) -> None:
        self.receipts: dict[tuple[str, int], Receipt] = {}
        self.problems: list[MessagingError] = []
        self._vendor = vendor
        self._operation = operation
        self._origin = origin
        self._ledger = ledger
        self._policy = policy
        self._each = operation == "send_whatsapp_each"
        self._function = find(vendor, operation)
        self._halt: MessagingError | None = None
        self._untried: list[Claim] = []

    # --- splitting a call into requests ---------------------------------------------------------------

    def groups(self, messages: Sequence[Message]) -> list[list[Claim]]:
        """Return the claims of one request after another."""
        limit = recipients_per_request(self._vendor, self._operation)
        ordinals: Counter[str] = Counter()
        groups: list[list[Claim]] = []
        each: list[Claim] = []
        for message in messages:
            claims = self._claims(message, ordinals)
            if self._each:
                each += claims
            else:
                # The recipients of a mail stand in one envelope, whatever the vendor's limit for texts is.
                groups += _chunks(claims, len(claims) if isinstance(message, Email) else limit)
        return groups + list(_chunks(each, limit))

    def _claims(self, message: Message, ordinals: Counter[str]) -> list[Claim]:
        counted = cost(message)
        sender = getattr(message, "sender", None) or self._vendor.account.sender
        claims = []
        for to in message.to:
            # Counted by what the key takes for one recipient.
            person = to.casefold()
            claims.append(
                Claim(
                    self._origin,
                    message.channel,
                    to,
                    ordinals[person],
                    self._vendor.key,
                    self._vendor.account.conn_id,
                    self._operation,
                    message,
                    sender=sender,
                    **counted,
                )
            )
            ordinals[person] += 1
        return claims

    def begin(self, group: Sequence[Claim], attempt: Attempt, *, copies: bool = True) -> _Begun:
        """Start the vendor's generator for a group and return it with its first request.

        ``copies`` is False when an earlier envelope has a mail's cc and bcc.
        """
        message: Any = group[0].message
        if self._each:
            argument: Any = [claim.message.narrowed([claim.to]) for claim in group]
        else:
            argument = message.narrowed([claim.to for claim in group])
            if isinstance(message, Email) and not copies:
                argument = argument.model_copy(update={"cc": (), "bcc": ()})
        exchange: Exchange[Accepted] = self._function(argument, report_id=attempt.report_id)
        try:
            return exchange, next(exchange)
        except MessagingError as error:
            self._name(error)
            raise

    # --- one request ----------------------------------------------------------------------------------

    def send_group(
        self, group: Sequence[Claim], attempt: Attempt, begun: _Begun | None = None, *, copies: bool = True
    ) -> Generator[Step, Any, None]:
        """Claim a group, send what could be claimed, and record what became of it.

        What it came to stands in ``receipts`` and ``problems`` afterwards. After what holds for all recipients
        nothing is claimed any more.

        Args:
            group: The claims of one request.
            attempt: The attempt that shall hold them.
            begun: The request for the whole group, where it was built already.
            copies: Whether a mail's cc and bcc are still owed.
        """
        if self._halt is not None:
            self._untried += group
            return
        try:
            found, latest = yield from self._claim(group, attempt)
        except MessagingError as error:
            self._halt = self._name(error)
            self._untried += group
            return
        mine, busy = [], []
        for claim, row in zip(group, found, strict=True):
            if row.verdict is Verdict.CLAIM:
                mine.append((claim, row))
            elif row.verdict is Verdict.WAIT:
                busy.append(claim)
            else:
                # Whoever sent to some of a mail's recipients sent the copies as well.
                copies = False
                self._replay(claim, row)
        if mine:
            # Those who are waited for may be in an envelope with the copies right now.
            with_copies = copies and not busy
            if begun is None or len(mine) < len(group):
                begun = None
                self._tell_of_copies(mine, with_copies)
            yield from self._send_held(mine, attempt, begun, latest, with_copies)
        if busy:
            yield from self.send_group(busy, Attempt(), copies=copies)

    def _tell_of_copies(self, mine: _Held, with_copies: bool) -> None:
        message = mine[0][0].message
        if isinstance(message, Email) and (message.cc or message.bcc) and not with_copies:
            logger.warning(
                "The mail through %s goes to %d of its recipients now, without cc and bcc: those belong to the"
                " envelope of the others.",
                self._vendor.account.conn_id,
                len(mine),
            )

    def _send_held(
        self, mine: _Held, attempt: Attempt, begun: _Begun | None, latest: float, copies: bool
    ) -> Generator[Step, Any, None]:
        answer = yield from self._converse(mine, attempt, begun, latest, copies)
        # A mail is one envelope: its copies would go out with each half.
        several = len(mine) > 1 and mine[0][0].channel is not Channel.EMAIL
        if several and isinstance(answer, Rejected) and answer.scope != "account":
            yield from self._split(mine, attempt, answer)
            return
        outcomes = [outcome_of(claim, row, answer, len(mine)) for claim, row in mine]
        recorded = yield from self._record(attempt, outcomes)
        for (claim, row), outcome in zip(mine, outcomes, strict=True):
            self.receipts[_place(claim)] = fresh_receipt(
                claim, row, outcome, answer, recorded=recorded, ledger_id=self._ledger.ledger_id
            )
        if isinstance(answer, Accepted):
            self.problems += [outcome.error.revive() for outcome in outcomes if outcome.error is not None]
            return
        if isinstance(answer, NotSent | ConfigurationError) or getattr(answer, "scope", None) == "account":
            # What holds for the account or the line holds for the next recipient too.
            self._halt = answer
        unrecorded = isinstance(answer, NotSent) and not recorded
        self.problems.append(self._name(_unrecorded(answer)) if unrecorded else answer)

    def _claim(
        self, group: Sequence[Claim], attempt: Attempt
    ) -> Generator[Step, Any, tuple[Sequence[Found], float]]:
        """Claim what is free; while all that is open is held by somebody else, wait for it.

        Returns what was found, and the moment after which a request under this claim must not begin.
        """
        waited, pause = 0.0, 0.05
        while True:
            asked = time.monotonic()
            found = yield from self._claim_once(group, attempt)
            verdicts = {row.verdict for row in found}
            if Verdict.CLAIM in verdicts or Verdict.WAIT not in verdicts:
                return found, asked + self._policy.margin
            left = max(row.lease_left for row in found if row.verdict is Verdict.WAIT)
            if waited > self._policy.lease * 2:
                raise RateLimited(
                    "Another process is sending this message and keeps claiming it.",
                    retry_at=datetime.now(UTC) + timedelta(seconds=left),
                )
            seconds = min(pause, left + 0.01)
            yield Pause(seconds)
            waited, pause = waited + seconds, min(pause * 1.5, 1.0)

    def _claim_once(self, group: Sequence[Claim], attempt: Attempt) -> Generator[Step, Any, Sequence[Found]]:
        policy = self._policy
        try:
            found: Sequence[Found] = yield Work(
                lambda: self._ledger.claim(group, attempt, lease=policy.lease, on_unknown=policy.on_unknown)
            )
        except MessagingError:
            raise
        except Exception as error:
            raise NotSent(
                f"The ledger could not take the claim ({type(error).__name__}), and without it nothing is sent."
            ) from error
        except BaseException as stop:
            # Stopped before a byte left: whatever was claimed by now is provably not sent.
            yield from self._before_leaving(stop, lambda: self._ledger.release(attempt))
            raise
        return found

    def _converse(
        self, mine: _Held, attempt: Attempt, begun: _Begun | None, latest: float, copies: bool
    ) -> Generator[Step, Any, Accepted | MessagingError]:
        """Carry the vendor's requests to the driver; return what the vendor said or what went wrong."""
        left = False
        try:
            exchange, request = begun or self.begin([claim for claim, _ in mine], attempt, copies=copies)
            while True:
                start_before(request, latest)
                left = True
                try:
                    response = yield request
                except BaseException as error:
                    request = exchange.throw(error)
                else:
                    request = exchange.send(response)
        except StopIteration as done:
            if isinstance(done.value, Accepted):
                return done.value
            return self._name(OutcomeUnknown("The vendor's module does not tell what the vendor said."))
        except MessagingError as error:
            if isinstance(error, (*NEVER_LEFT, Rejected, OutcomeUnknown)):
                return self._name(error)
            unknown = OutcomeUnknown(
                error.sentence, status=error.status, code=error.code, request_id=error.request_id
            )
            return self._name(unknown)
        except Exception as error:
            # Its own words stay out, here and behind the error that is raised: they may quote the answer.
            logger.error(  # noqa: TRY400
                "%s %s: a fault in Ulak %s the request was out (%s):\n%s",
                self._vendor.key,
                self._operation,
                "while" if left else "before",
                type(error).__name__,
                "".join(traceback.format_tb(error.__traceback__)),
            )
            kind = OutcomeUnknown if left else NotSent
            return self._name(kind(f"Ulak itself failed ({type(error).__name__}); its log tells where."))
        except BaseException as stop:
            # Cancelled, interrupted or ordered to exit while bytes were under way.
            stopped = StoredError.of(
                OutcomeUnknown(f"The process was stopped by {type(stop).__name__} during the send.")
            )
            outcomes = [Outcome(row.key, State.UNKNOWN, error=stopped) for _, row in mine]
            yield from self._before_leaving(stop, lambda: self._ledger.record(attempt, outcomes))
            raise

    def _split(self, mine: _Held, attempt: Attempt, problem: Rejected) -> Generator[Step, Any, None]:
        """After a definite refusal of a request for many: halve it until the bad row is alone."""
        detail = (
            f"the vendor refused a request for {len(mine)} recipients, so it is split: {problem.sentence}"
        )
        yield from self._record(attempt, [Outcome(row.key, State.NOT_SENT, detail=detail) for _, row in mine])
        claims = [claim for claim, _ in mine]
        for half in _chunks(claims, (len(claims) + 1) // 2):
            yield from self.send_group(half, Attempt())

    def _record(self, attempt: Attempt, outcomes: Sequence[Outcome]) -> Generator[Step, Any, bool]:
        """Record, and never let a failing ledger look like a failing send."""

        def record() -> bool:
            return self._ledger.record(attempt, outcomes)

        try:
            mine: bool = yield Work(record)
        except Exception:
            logger.exception(
                "The ledger could not record %d outcome(s) of %s (first: %s). When their lease ends they read as"
                " UNKNOWN; they will not be sent again by themselves.",
                len(outcomes),
                self._vendor.account.conn_id,
                outcomes[0].state,
            )
            return False
        except BaseException as stop:
            # Nobody knows whether it is written already; writing it again does no harm.
            yield from self._before_leaving(stop, record)
            raise
        if not mine:
            logger.error(
                "An attempt through %s ended as %s after its row had gone on without it; see `ulak ledger show %s`.",
                self._vendor.account.conn_id,
                outcomes[0].state,
                outcomes[0].key[:12],
            )
        return mine

    def _before_leaving(self, stop: BaseException, call: Callable[[], object]) -> Generator[Step, Any, None]:
        """Have one more call of the ledger made in a send that was stopped; its failure must not hide the stop."""
        if isinstance(stop, GeneratorExit):
            # The generator is being closed, so nobody does what it yields. The end of the lease has to do.
            return
        try:
            yield Work(call)
        except Exception:
            logger.exception(
                "A send through %s was stopped and could not be recorded.", self._vendor.account.conn_id
            )

    # --- what was not sent now ------------------------------------------------------------------------

    def _replay(self, claim: Claim, row: Found) -> None:
        """Keep the stored receipt, and the stored error where it is to be raised again."""
        problem = stored_error(claim, row)
        if problem is not None:
            self.problems.append(self._name(problem))
        self.receipts[_place(claim)] = stored_receipt(claim, row, problem, self._ledger.ledger_id)
        logger.warning(
            "Not sent again to %s through %s: the ledger already holds it as %s under this key%s.",
            mask(claim.to),
            self._vendor.account.conn_id,
            row.state,
            "" if row.same_content else ", with another text; use a new key to send the new text",
        )

    def look_at_untried(self) -> Generator[Step, Any, None]:
        """Say of recipients that were not tried how they stand; an earlier run may have reached them."""
        untried, halt = self._untried, self._halt
        if not untried or halt is None:
            return
        found: Sequence[Found | None]
        try:
            found = yield Work(lambda: self._ledger.look(untried, on_unknown=self._policy.on_unknown))
        except Exception:
            logger.warning(
                "The ledger could not tell how %d recipient(s) stand.", len(untried), exc_info=True
            )
            found = [None] * len(untried)
        for claim, row in zip(untried, found, strict=True):
            if row is not None and row.verdict in {Verdict.REPLAY, Verdict.RAISE}:
                self._replay(claim, row)
            else:
                self.receipts[_place(claim)] = untried_receipt(claim, row, halt, self._ledger.ledger_id)
                if halt not in self.problems:
                    self.problems.append(halt)

    def _name(self, error: MessagingError) -> MessagingError:
        """Name the vendor and operation on an error that does not know them."""
        error.vendor = error.vendor or self._vendor.key
        error.operation = error.operation or self._operation
        return error


def _unrecorded(problem: MessagingError) -> OutcomeUnknown:
    # The claim stands, so a retry would meet it as UNKNOWN; it must not be told that it is safe.
    return OutcomeUnknown(
        f"{problem.sentence.removesuffix('.')}, and the ledger could not record that nothing went out.",
        advice="Record it with `ulak ledger resolve --not-arrived`.",
    )


def _chunks(claims: Sequence[Claim], size: int) -> Iterator[list[Claim]]:
    for start in range(0, len(claims), max(size, 1)):
        yield list(claims[start : start + size])
