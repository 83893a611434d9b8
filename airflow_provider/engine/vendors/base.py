"""The grammar of a vendor: every operation there can be, as one protocol.

A vendor's class defines those that its API has and no others; what it has is read off the class. Nothing
here is inherited: a vendor's module is understood without this one.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, TypeVar

from airflow_provider.engine.account import Account
from airflow_provider.engine.errors import UnsupportedOperation
from airflow_provider.engine.exchange import (
    Accepted,
    Balance,
    Delivery,
    DeliveryReport,
    Device,
    Exchange,
    Identity,
    Link,
    MessagePage,
    Pairing,
    ProfilePicture,
    SenderId,
)
from airflow_provider.engine.messages import Email, Otp, Sms, WhatsApp
from airflow_provider.engine.vendors import VENDORS, vendors_with

__all__ = [
    "OPERATIONS",
    "SENDS",
    "Vendor",
    "Written",
    "beyond_the_seed",
    "find",
    "operations",
    "recipients_per_request",
]


class Vendor(Protocol):
    """All that any vendor can do.

    ``key`` is its entry in the registry. Sends take ``report_id``, a random 52-bit number of the attempt, for
    vendors that report by a number of ours.
    """

    key: ClassVar[str]
    account: Account

    def __init__(self, account: Account) -> None:
        """Check the account's options; nothing is sent. Raises ConfigurationError."""

    def verify(self) -> Exchange[Identity]:
        """Ask whom the vendor takes us for."""

    def send_sms(self, sms: Sms, *, report_id: int) -> Exchange[Accepted]:
        """Send one text to one or more numbers."""

    def send_otp(self, otp: Otp, *, report_id: int) -> Exchange[Accepted]:
        """Have the vendor make and send a one-time code."""

    def send_email(self, email: Email, *, report_id: int) -> Exchange[Accepted]:
        """Send one e-mail."""

    def send_whatsapp(self, message: WhatsApp, *, report_id: int) -> Exchange[Accepted]:
        """Send one text to one or more WhatsApp accounts."""

    def send_whatsapp_each(self, messages: Sequence[WhatsApp], *, report_id: int) -> Exchange[Accepted]:
        """Send each of several WhatsApp messages to its own recipient, in one request."""

    def delivery(self, message_id: str) -> Exchange[Delivery]:
        """Ask what became of a message."""

    def balance(self) -> Exchange[Balance]:
        """Ask what is left."""

    def sender_ids(self) -> Exchange[tuple[SenderId, ...]]:
        """List the account's senders."""

    def list_messages(self, *, page: int = 1, limit: int = 50) -> Exchange[MessagePage]:
        """List sent messages, newest first."""

    def login_phone(self, phone: str) -> Exchange[Pairing]:
        """Begin to link a WhatsApp account by a code typed on its phone."""

    def login_qr(self) -> Exchange[Pairing]:
        """Begin to link a WhatsApp account by a QR."""

    def check_login(self, device: str) -> Exchange[Link]:
        """Wait up to 30 seconds for a first link; ``connected`` tells whether it came."""

    def check_active(self, device: str) -> Exchange[Link]:
        """Ask whether a device is still linked."""

    def devices(self) -> Exchange[tuple[Device, ...]]:
        """List the linked devices."""

    def profile_picture(self, device: str) -> Exchange[ProfilePicture]:
        """Ask where the device's profile picture is."""

    def logout(self, device: str) -> Exchange[None]:
        """Unlink a device."""

    def read_callback(self, headers: Mapping[str, str], body: bytes) -> DeliveryReport:
        """Read a delivery report that the vendor pushed. Header names are in lower case.

        Raises:
            AuthenticationFailed: The vendor's own headers do not match the account.
            UnreadableResponse: The body is not what the vendor documents.
        """


@dataclass(frozen=True, slots=True)
class Written:
    """Where an operation is written down: in the vendor's seed, or else the evidence beyond it."""

    name: str
    beyond: str | None


OPERATIONS: tuple[str, ...] = tuple(
    name for name, member in vars(Vendor).items() if inspect.isfunction(member) and not name.startswith("_")
)
"""Every operation's name, in the protocol's order."""

SENDS: frozenset[str] = frozenset(name for name in OPERATIONS if name.startswith("send_"))
"""The operations that go through the ledger."""

F = TypeVar("F", bound=Callable[..., Any])


def beyond_the_seed(evidence: str) -> Callable[[F], F]:
    """Mark an operation that the vendor's seed does not describe, with what it rests on instead."""

    def mark(function: F) -> F:
        function.__beyond_the_seed__ = evidence  # type: ignore[attr-defined]
        return function

    return mark


def operations(vendor: type[Vendor]) -> tuple[Written, ...]:
    """Return what a vendor can do, read off its class."""
    return tuple(
        Written(name, getattr(member, "__beyond_the_seed__", None))
        for name in OPERATIONS
        if callable(member := getattr(vendor, name, None))
    )


def find(vendor: Vendor, operation: str) -> Callable[..., Any]:
    """Return a vendor's operation.

    Raises:
        UnsupportedOperation: It has none of this name; the sentence names the vendors that have it.
    """
    found = getattr(vendor, operation, None)
    if callable(found):
        return found  # type: ignore[no-any-return]
    others = ", ".join(vendors_with(operation)) or "no vendor has it"
    raise UnsupportedOperation(
        f"{VENDORS[vendor.key].title} has no operation {operation!r}.",
        vendor=vendor.key,
        operation=operation,
        advice=f"Use a connection of a vendor that has it: {others}.",
    )


def recipients_per_request(vendor: Vendor, operation: str) -> int:
    """Return how many recipients one request of this operation may name; 1 unless the vendor says more."""
    limits: Mapping[str, int] = getattr(vendor, "recipients_per_request", {})
    return limits.get(operation, 1)
