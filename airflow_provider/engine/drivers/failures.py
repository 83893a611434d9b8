"""What went wrong with an attempt, and what that means for a read, an act and a send.

Each driver translates its library's errors into these, by a whitelist: ``left=False`` only for what is raised
before a byte of the request is written. The fault matrix in the tests proves it.
"""

from __future__ import annotations

import os
import socket
import ssl
from dataclasses import dataclass

from airflow_provider.engine.drivers.network import ANSWER_LIMIT
from airflow_provider.engine.errors import (
    MessagingError,
    OutcomeUnknown,
    UnreadableResponse,
    VendorUnavailable,
)
from airflow_provider.engine.exchange import Intent

__all__ = [
    "Failure",
    "broke_off",
    "not_connected",
    "refused_by_proxy",
    "too_long",
    "unforeseen",
    "unreadable",
]


@dataclass(frozen=True, slots=True)
class Failure:
    """What became of an attempt that brought no answer.

    A value and not an exception, so that no library's error, which may quote an address, stands behind ours.

    Attributes:
        sentence: What happened.
        left: Whether a byte of the request may have left.
        status: The HTTP status, where the answer came as far as that.
        legible: False when the answer itself is at fault, and asking again would not help.
    """

    sentence: str
    left: bool = True
    status: int | None = None
    legible: bool = True

    def error(self, intent: Intent) -> MessagingError:
        """Return what a request of this intent raises for it."""
        if not self.left:
            return VendorUnavailable(self.sentence)
        if intent is Intent.ACT:
            return OutcomeUnknown(self.sentence, status=self.status, advice=OutcomeUnknown.advice_for_acts)
        if intent is Intent.SEND:
            return OutcomeUnknown(self.sentence, status=self.status)
        kind = VendorUnavailable if self.legible else UnreadableResponse
        return kind(self.sentence, status=self.status)


def not_connected(cause: BaseException | None) -> Failure:
    """No connection could be made, for a reason of the operating system or of TLS."""
    match cause:
        case ssl.SSLCertVerificationError():
            sentence = f"The vendor's certificate was not accepted: {cause.verify_message.rstrip('.')}."
        case ssl.SSLError():
            sentence = f"No TLS connection to the vendor could be made ({cause.reason or 'it was cut off'})."
        case socket.gaierror() | UnicodeError():
            sentence = "The vendor's host name could not be resolved."
        case ConnectionRefusedError():
            sentence = "The connection to the vendor was refused."
        case OSError(errno=int(number)):
            sentence = f"No connection to the vendor could be made ({os.strerror(number)})."
        case _:
            sentence = "No connection to the vendor could be made."
    return Failure(sentence, left=False)


def refused_by_proxy(status: int | None) -> Failure:
    """The proxy made no tunnel."""
    how = "" if status is None else f" and answered with HTTP {status}"
    return Failure(f"The proxy made no connection to the vendor{how}.", left=False)


def broke_off(status: int | None) -> Failure:
    """The connection ended before the answer did."""
    if status is None:
        return Failure("The connection closed before an answer came.")
    return Failure("The connection closed in the middle of the answer.", status=status)


def unreadable(status: int | None) -> Failure:
    """What came is not HTTP, or its body is not encoded as its headers say."""
    if status is None:
        return Failure("What the vendor answered is not HTTP.")
    return Failure("The answer's body could not be decoded.", status=status)


def too_long(status: int) -> Failure:
    """The answer is longer than any answer of a vendor can be."""
    return Failure(f"The answer is longer than {ANSWER_LIMIT // 1024} KiB.", status=status, legible=False)


def unforeseen(error: Exception, status: int | None) -> Failure:
    """A library raised what nobody expected. Only its kind is told, for its text may quote the request."""
    return Failure(f"The request was given up after a {type(error).__name__}.", status=status)
