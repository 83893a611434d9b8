"""Everything that can go wrong, as one tree of exceptions whose text is a sentence.

::

    MessagingError
    ├── ConfigurationError            the connection or the installation is set up wrongly
    ├── InvalidMessage                the message cannot be sent as it is
    ├── UnsupportedOperation          this vendor has no such operation
    ├── Refused                       a guard of ours said no
    ├── CodeNotRetained               the one-time code went out earlier and was never kept
    ├── NotSent                       it provably never left; trying again is safe
    │   ├── RateLimited               ... and is allowed again at ``retry_at``
    │   └── VendorUnavailable         the vendor could not be reached
    ├── Rejected                      the vendor said no, to a recipient, a message or the account
    │   ├── AuthenticationFailed      account: key, address or permission refused
    │   ├── InsufficientBalance       account: no credit left
    │   ├── SenderNotApproved         account: the sender is unknown or not approved
    │   ├── InvalidRecipient          recipient: this number or address
    │   └── DeliveryFailed            recipient: accepted earlier, reported as not delivered
    ├── OutcomeUnknown                bytes left and no readable answer came back
    └── UnreadableResponse            an answer to a question could not be understood

Each error says what happened, which vendor and operation, whether the message went out, and what to do
next. None of them carries a credential, a text or a full number.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal

if TYPE_CHECKING:
    from airflow_provider.engine.messages import Receipt

__all__ = [
    "AuthenticationFailed",
    "CodeNotRetained",
    "ConfigurationError",
    "DeliveryFailed",
    "InsufficientBalance",
    "InvalidMessage",
    "InvalidRecipient",
    "MessagingError",
    "NotSent",
    "OutcomeUnknown",
    "RateLimited",
    "Refused",
    "Rejected",
    "Scope",
    "SenderNotApproved",
    "UnreadableResponse",
    "UnsupportedOperation",
    "VendorUnavailable",
]

Scope = Literal["recipient", "message", "account"]


class MessagingError(Exception):
    """The root of everything that Ulak raises.

    Args:
        sentence: What happened, in one sentence that ends with a full stop.
        vendor: The vendor's key, when a vendor was involved.
        operation: The operation's name, for example ``send_sms``.
        status: The HTTP status, where one was read.
        code: The vendor's own code, for example ``TS-1027``.
        request_id: What the vendor calls this request, for its support desk.
        advice: What to do next; the class has one of its own when this is left out.
    """

    fate: ClassVar[str] = ""
    advice: str = ""

    def __init__(
        self,
        sentence: str,
        *,
        vendor: str | None = None,
        operation: str | None = None,
        status: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
        advice: str | None = None,
    ) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.vendor = vendor
        self.operation = operation
        self.status = status
        self.code = code
        self.request_id = request_id
        if advice is not None:
            self.advice = advice
        self.receipts: tuple[Receipt, ...] = ()
        """What the call came to for each recipient, where a ledger was asked before the error was raised."""

    def __str__(self) -> str:
        where = " ".join(part for part in (self.vendor, self.operation) if part)
        details = [
            f"{name} {value}"
            for name, value in (("HTTP", self.status), ("code", self.code), ("request", self.request_id))
            if value is not None
        ]
        fate = self.fate if self.operation is None or self.operation.startswith("send") else ""
        text = " ".join(part for part in (self.sentence, fate, self.advice) if part)
        return (
            f"{where}: {text}" * bool(where)
            + text * (not where)
            + (f" ({', '.join(details)})" if details else "")
        )

    def __reduce__(self) -> tuple[Any, ...]:
        # Errors cross process boundaries in Airflow; the default would lose every keyword argument.
        return _revive, (type(self), self.sentence, self.__dict__.copy())


def _revive(kind: type[MessagingError], sentence: str, state: dict[str, Any]) -> MessagingError:
    error = kind.__new__(kind)
    Exception.__init__(error, sentence)
    error.__dict__.update(state)
    return error


class ConfigurationError(MessagingError):
    """The connection or the installation is set up wrongly; nothing was tried."""

    fate = "Nothing was sent."


class InvalidMessage(MessagingError):
    """The message cannot be sent as it is: a number, a text, an attachment or a field is wrong."""

    fate = "Nothing was sent."


class UnsupportedOperation(MessagingError):
    """The vendor's API has no such operation, or cannot express a field of the message."""

    fate = "Nothing was sent."


class Refused(MessagingError):
    """A guard of ours said no."""

    fate = "Nothing was sent."


class CodeNotRetained(MessagingError):
    """A one-time code already went out under this key, and codes are never kept."""

    advice = "Use a new key to send a new code."


class NotSent(MessagingError):
    """The message provably never left, so the same key may be tried again."""

    fate = "Nothing was sent."
    advice = "It is safe to try again."


class RateLimited(NotSent):
    """The vendor or a quota asks to wait.

    Args:
        sentence: As everywhere.
        retry_at: The moment (aware) from which trying again makes sense, where it is known.
        retry_after: Seconds to wait, as the vendor said; the driver turns them into ``retry_at``.
        **details: The keyword arguments of :class:`MessagingError`.
    """

    advice = "Try again later."

    def __init__(
        self,
        sentence: str,
        *,
        retry_at: datetime | None = None,
        retry_after: float | None = None,
        **details: Any,
    ) -> None:
        super().__init__(sentence, **details)
        self.retry_at = retry_at
        self.retry_after = retry_after


class VendorUnavailable(NotSent):
    """The vendor could not be reached, or answered a question with a server error."""


class Rejected(MessagingError):
    """The vendor read the request and said no.

    Args:
        sentence: As everywhere.
        scope: Whom the refusal concerns: this ``recipient``, this ``message``, or the whole ``account``.
        **details: The keyword arguments of :class:`MessagingError`.
    """

    fate = "The vendor did not take the message."
    scope: Scope = "message"

    def __init__(self, sentence: str, *, scope: Scope | None = None, **details: Any) -> None:
        super().__init__(sentence, **details)
        if scope is not None:
            self.scope = scope


class AuthenticationFailed(Rejected):
    """The vendor refused the key, the calling address, or a permission of the account."""

    scope = "account"
    advice = "Check the connection's credentials and, at the vendor, the allowed addresses."


class InsufficientBalance(Rejected):
    """The account has no credit left."""

    scope = "account"
    advice = "Buy credits, then run it again: what was not sent goes out under the same keys."


class SenderNotApproved(Rejected):
    """The sender is unknown to the vendor or not approved for this account."""

    scope = "account"
    advice = "Check the sender's spelling and its approval in the vendor's panel."


class InvalidRecipient(Rejected):
    """The vendor refused this recipient."""

    scope = "recipient"
    advice = "Correct the recipient."


class DeliveryFailed(Rejected):
    """The vendor accepted the message earlier and reported later that it was not delivered."""

    fate = ""
    scope = "recipient"
    advice = "A new try needs a new key."


class OutcomeUnknown(MessagingError):
    """Bytes left and no readable answer came back: the message may or may not have gone out.

    Nothing tries again by itself after this.
    """

    fate = "The message may or may not have gone out, and it will not be sent again by itself."
    advice = "Find out at the vendor, then record it with `ulak ledger resolve`."
    advice_for_acts: ClassVar[str] = "Look whether it happened before you ask again."
    """For a login or logout, which is not in the ledger."""


class UnreadableResponse(MessagingError):
    """The vendor's answer could not be understood. For a send, dispatch turns it into OutcomeUnknown."""

    advice = "Try again; if it stays, the vendor has changed its API."
