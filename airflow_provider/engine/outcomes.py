"""What an attempt came to: an outcome for the ledger, a receipt for the caller, and one error for many of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow_provider.engine import segments
from airflow_provider.engine.errors import (
    CodeNotRetained,
    ConfigurationError,
    DeliveryFailed,
    InvalidMessage,
    MessagingError,
    NotSent,
    OutcomeUnknown,
    Refused,
    Rejected,
    UnsupportedOperation,
)
from airflow_provider.engine.exchange import Accepted
from airflow_provider.engine.ledger.claims import Claim, Found, Outcome, StoredError
from airflow_provider.engine.ledger.states import Verdict
from airflow_provider.engine.messages import Channel, Email, Message, Otp, Receipt, Sms, State
from airflow_provider.engine.redaction import mask, scrub

__all__ = [
    "NEVER_LEFT",
    "cost",
    "fresh_receipt",
    "gravest",
    "outcome_of",
    "stored_error",
    "stored_receipt",
    "untried_receipt",
]

NEVER_LEFT: tuple[type[MessagingError], ...] = (
    NotSent,
    ConfigurationError,
    InvalidMessage,
    UnsupportedOperation,
    Refused,
)
"""The errors that prove, also when a request is out, that nothing left. Any other leaves the outcome open."""


def cost(message: Message) -> dict[str, Any]:
    """Return what a message costs for one recipient, and why, as fields of a claim."""
    match message:
        case Sms():
            measured = segments.measure(message.text, reserve_suffix=message.reserve_suffix)
            return {
                "encoding": measured.encoding.value,
                "segments": measured.segments,
                "credits": measured.segments,
                "cost_note": measured.note,
            }
        case Otp():
            return {"segments": 1, "credits": 1, "cost_note": "one-time code, one segment"}
        case Email():
            return {"cost_note": "e-mail is not counted in credits"}
        case _:
            return {"credits": 1, "cost_note": "one WhatsApp message"}


# --- for the ledger -------------------------------------------------------------------------------------


def outcome_of(claim: Claim, row: Found, answer: Accepted | MessagingError, recipients: int) -> Outcome:
    """Return what became of one row of a request for so many recipients."""
    if isinstance(answer, Accepted):
        word = answer.refused.get(claim.to)
        if word is None:
            # What a request for many cost is known for the whole alone.
            charged = answer.charged if recipients == 1 else None
            # Where there is no id to ask by, the one that the vendor's support asks for is the next best.
            name = answer.message_id or answer.request_id
            return Outcome(row.key, State.ACCEPTED, message_id=name, charged=charged)
        answer = Rejected(
            f'The vendor left {mask(claim.to)} out: "{scrub(word)}".',
            scope="recipient",
            vendor=claim.vendor,
            operation=claim.operation,
        )
    stored = StoredError.of(answer)
    if isinstance(answer, Rejected):
        return Outcome(row.key, State.REJECTED, scope=answer.scope, error=stored)
    return Outcome(row.key, State.NOT_SENT if isinstance(answer, NEVER_LEFT) else State.UNKNOWN, error=stored)


# --- for the caller -------------------------------------------------------------------------------------


def fresh_receipt(
    claim: Claim,
    row: Found,
    outcome: Outcome,
    answer: Accepted | MessagingError,
    *,
    recorded: bool,
    ledger_id: str,
) -> Receipt:
    """Return the receipt of a row that was tried just now."""
    return Receipt(
        **_of_claim(claim, ledger_id),
        key=row.key,
        state=outcome.state,
        attempt=row.attempt,
        report_id=row.report_id,
        message_id=outcome.message_id,
        charged=outcome.charged,
        error=None if outcome.error is None else outcome.error.sentence,
        recorded=recorded,
        code=answer.code if isinstance(answer, Accepted) else None,
    )


def untried_receipt(claim: Claim, row: Found | None, halt: MessagingError, ledger_id: str) -> Receipt:
    """Return the receipt of a recipient that was not tried because of ``halt``; ``row`` is what stands there."""
    return Receipt(
        **_of_claim(claim, ledger_id),
        key="" if row is None else row.key,
        state=State.NOT_SENT if row is None else row.state,
        attempt=0 if row is None else row.attempt,
        error=f"Not tried now, because the call had met this: {halt.sentence}",
    )


def stored_receipt(claim: Claim, row: Found, problem: MessagingError | None, ledger_id: str) -> Receipt:
    """Return the receipt that the ledger holds; ``problem`` is what it is answered with."""
    return Receipt(
        key=row.key,
        vendor=row.vendor,
        conn_id=row.conn_id,
        to=claim.to,
        state=row.state,
        message_id=row.message_id,
        report_id=row.report_id,
        encoding=row.encoding,
        segments=row.segments,
        credits=row.credits,
        charged=row.charged,
        cost_note=row.cost_note,
        error=None if problem is None else problem.sentence,
        attempt=row.attempt,
        replayed=True,
        mode=row.mode,
        ledger_id=ledger_id,
    )


def _of_claim(claim: Claim, ledger_id: str) -> dict[str, Any]:
    return {
        "vendor": claim.vendor,
        "conn_id": claim.conn_id,
        "to": claim.to,
        "encoding": claim.encoding,
        "segments": claim.segments,
        "credits": claim.credits,
        "cost_note": claim.cost_note,
        "mode": claim.mode,
        "ledger_id": ledger_id,
    }


# --- errors ---------------------------------------------------------------------------------------------


def stored_error(claim: Claim, row: Found) -> MessagingError | None:
    """Return the error with which a caller is answered that met a row, if it is one."""
    if row.verdict is Verdict.RAISE:
        return _without_words(row.state) if row.error is None else row.error.revive()
    if claim.channel is Channel.OTP:
        went = "may have gone out" if row.state is State.UNKNOWN else "went out"
        return CodeNotRetained(f"This one-time code {went} earlier under the same key.")
    return None


def _without_words(state: State) -> MessagingError:
    if state is State.UNKNOWN:
        return OutcomeUnknown(
            "An earlier attempt under this key was stopped before its outcome was recorded."
        )
    if state is State.FAILED:
        return DeliveryFailed("The vendor reported that the message was not delivered.")
    return Rejected("The vendor refused the message earlier.", scope="recipient")


def gravest(problems: Sequence[MessagingError], receipts: Sequence[Receipt]) -> MessagingError:
    """Return the error to raise for a call: an unknown outcome before what was not sent before a refusal."""
    order: tuple[type[MessagingError], ...] = (OutcomeUnknown, NotSent, Rejected)

    def gravity(problem: MessagingError) -> int:
        return next((rank for rank, kind in enumerate(order) if isinstance(problem, kind)), len(order))

    worst = min(problems, key=gravity)
    if len(receipts) > 1:
        fine = sum(receipt.error is None for receipt in receipts)
        worst.sentence = (
            f"{fine} of {len(receipts)} recipients are fine; the gravest of the others: {worst.sentence}"
        )
    worst.receipts = tuple(receipts)
    return worst
