"""What can be sent, and what a send came to.

Recipients arrive here already normalised (E.164, see :mod:`airflow_provider.engine.phone`); doors do that, so
that this module stays cheap to import.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)

from airflow_provider.engine.errors import InvalidMessage
from airflow_provider.engine.redaction import mask

__all__ = ["Attachment", "Channel", "Email", "Message", "Mode", "Otp", "Receipt", "Sms", "State", "WhatsApp"]


class Channel(StrEnum):
    """The way a message reaches a person; part of every key."""

    SMS = "sms"
    OTP = "otp"
    EMAIL = "email"
    WHATSAPP = "whatsapp"


class State(StrEnum):
    """Where a message stands in the ledger; :mod:`airflow_provider.engine.ledger.states` holds the moves."""

    CLAIMED = "CLAIMED"
    ACCEPTED = "ACCEPTED"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"
    NO_REPORT = "NO_REPORT"
    NOT_SENT = "NOT_SENT"
    REJECTED = "REJECTED"
    UNKNOWN = "UNKNOWN"
    SUPPRESSED = "SUPPRESSED"


class Mode(StrEnum):
    """Whether a send reaches the vendor."""

    LIVE = "live"


def _tuple(value: object) -> object:
    if isinstance(value, str):
        return (value,)
    # A recipient named twice in one message is one recipient.
    return tuple(dict.fromkeys(value)) if isinstance(value, Sequence) else value


def _sendable(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty")
    return _plain(text)


def _plain(text: str) -> str:
    if "\x00" in text:
        raise ValueError("contains a null byte")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("contains half of a surrogate pair, which is no character") from None
    return text


def _one_line(text: str) -> str:
    # A line break in a header field would let its text add headers of its own.
    if any(ord(c) < 32 or c in "\x7f\x85\u2028\u2029" for c in text):
        raise ValueError("contains a line break or a control character")
    return _plain(text)


_E164 = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)
_ADDRESS = re.compile(r"[^@\s,;<>\"()]+@[^@\s,;<>\"().]+(\.[^@\s,;<>\"().]+)+")


def _e164(number: str) -> str:
    if not _E164.fullmatch(number):
        raise ValueError("is not a number in E.164, such as +905321234567")
    return number


def _mailbox(address: str) -> str:
    if not _ADDRESS.fullmatch(_one_line(address)):
        raise ValueError("is not an e-mail address")
    return address


Text = Annotated[str, AfterValidator(_sendable)]
Line = Annotated[str, AfterValidator(_one_line)]
Numbers = Annotated[
    tuple[Annotated[str, AfterValidator(_e164)], ...], BeforeValidator(_tuple), Field(min_length=1)
]
Addresses = Annotated[tuple[Annotated[str, AfterValidator(_mailbox)], ...], BeforeValidator(_tuple)]


class Attachment(BaseModel):
    """A file to send along, already read by the door.

    ``name`` is the file name that the recipient sees, ``media_type`` its MIME type, ``content`` its bytes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: Line
    media_type: Line
    content: bytes = Field(repr=False)


class Message(BaseModel):
    """One thing to send to one or more recipients.

    Raises:
        InvalidMessage: A field is wrong; the sentence names it and never quotes it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    channel: ClassVar[Channel]
    to: tuple[str, ...]

    def __init__(self, **fields: Any) -> None:
        try:
            super().__init__(**fields)
        except ValidationError as error:
            raise InvalidMessage(_sentence(type(self).__name__, error)) from None

    def narrowed(self, to: Sequence[str]) -> Self:
        """Return the same message for some of its recipients."""
        return self if tuple(to) == self.to else self.model_copy(update={"to": tuple(to)})

    def __repr_args__(self) -> Iterable[tuple[str, Any]]:
        # Texts and numbers belong to people; a repr ends in logs and tracebacks. pydantic and rich both ask here.
        return [("to", [mask(to) for to in self.to])]

    __str__ = BaseModel.__repr__


def _sentence(kind: str, error: ValidationError) -> str:
    found = error.errors(include_input=False, include_url=False, include_context=False)
    parts = []
    for problem in found[:3]:
        field = ".".join(str(part) for part in problem["loc"]) or kind
        parts.append(f"{field} {problem['msg'].removeprefix('Value error, ')}")
    return f"The {kind} is not valid: {'; '.join(parts)}."


class Sms(Message):
    """A text message.

    Attributes:
        to: Recipients in E.164.
        text: What they read; rendered already.
        sender: The sender id (başlık); the connection's when None.
        content_type: TurkeySMS only: 0 transactional, 1 high quality, 2 advertising.
        sms_lang: TurkeySMS only: 0 plain GSM, 1 Turkish, 2 Unicode; derived from the text when None.
        send_at: When the vendor should send it; now when None.
        reject_link: Bulutfon only: add a link that refuses further messages.
        reserve_suffix: Count the five characters that Turkish operators append.
    """

    channel = Channel.SMS

    to: Numbers
    text: Text
    sender: Line | None = None
    content_type: Literal[0, 1, 2] | None = None
    sms_lang: Literal[0, 1, 2] | None = None
    send_at: AwareDatetime | None = None
    reject_link: bool | None = None
    reserve_suffix: bool = True


class Otp(Message):
    """A one-time code that the vendor makes and sends.

    Attributes:
        to: One recipient in E.164.
        digits: Length of the code, 4 to 6.
        language: 0 English, 1 Turkish, 2 Arabic.
        text: A text of one's own with ``TS_CODE`` where the code goes (beyond the seed); the vendor's when None.
        sender: The sender id, for a text of one's own.
    """

    channel = Channel.OTP

    to: Annotated[Numbers, Field(max_length=1)]
    digits: Annotated[int, Field(ge=4, le=6)] = 6
    language: Literal[0, 1, 2] = 1
    text: Text | None = None
    sender: Line | None = None

    @model_validator(mode="after")
    def _has_place_for_the_code(self) -> Self:
        if self.text is not None and "TS_CODE" not in self.text:
            raise ValueError("has no TS_CODE in its text, so the code could not be put in")
        return self


class Email(Message):
    """One e-mail; all its recipients stand in one envelope.

    Attributes:
        to: Recipients.
        subject: One line.
        text: The plain part; this or ``html`` or both.
        html: The HTML part.
        sender: The From address; the vendor's default when None.
        cc, bcc, reply_to: Further addresses.
    """

    channel = Channel.EMAIL

    to: Annotated[Addresses, Field(min_length=1)]
    subject: Annotated[Line, AfterValidator(_sendable)]
    text: Text | None = None
    html: Text | None = None
    sender: Annotated[str, AfterValidator(_mailbox)] | None = None
    cc: Addresses = ()
    bcc: Addresses = ()
    reply_to: Addresses = ()

    @model_validator(mode="after")
    def _has_a_body(self) -> Self:
        if self.text is None and self.html is None:
            raise ValueError("needs text, html or both")
        return self


class WhatsApp(Message):
    """A WhatsApp message sent through a linked device.

    Attributes:
        to: Recipients in E.164.
        text: What they read.
        attachment: One file.
        device: The device's ``reg_id``; the connection's when None.
        speed: 1 (fastest) to 4 (slowest, and least likely to get the number restricted).
    """

    channel = Channel.WHATSAPP

    to: Numbers
    text: Text
    attachment: Attachment | None = None
    device: Line | None = None
    speed: Annotated[int, Field(ge=1, le=4)] | None = None


class Receipt(BaseModel):
    """What a send came to for one recipient.

    Attributes:
        key: Digest of the key; the same key always has the same digest within one installation.
        vendor: The vendor's key.
        conn_id: The connection that was used.
        to: The recipient in full; masked in :meth:`as_json` and ``repr``.
        state: Where the message stands.
        message_id: The vendor's id of it, or of the request where it gives no other.
        report_id: Our own 52-bit number of this attempt, for vendors that report by it.
        encoding, segments: Computed by us before the send; SMS only.
        credits: Our count of credits for this recipient, or None where the channel has none.
        charged: What the vendor said it charged, or None.
        cost_note: The reason of the cost, in a sentence.
        error: What went wrong, as a sentence.
        attempt: 1 for the first try under this key.
        replayed: True when nothing was sent now because the ledger already had an answer.
        recorded: False when the ledger could not take the outcome; it is logged loudly then.
        mode: ``live``, unless a guard kept it from the vendor.
        ledger_id: Which ledger holds the row.
        code: The one-time code, for the caller of the first send alone; never serialised.
    """

    model_config = ConfigDict(frozen=True)

    key: str
    vendor: str
    conn_id: str
    to: str
    state: State
    message_id: str | None = None
    report_id: int | None = None
    encoding: str | None = None
    segments: int | None = None
    credits: int | None = None
    charged: Decimal | None = None
    cost_note: str | None = None
    error: str | None = None
    attempt: int = 1
    replayed: bool = False
    recorded: bool = True
    mode: Mode = Mode.LIVE
    ledger_id: str = ""
    code: SecretStr | None = Field(default=None, exclude=True, repr=False)

    def as_json(self, *, full: bool = False) -> dict[str, Any]:
        """Return the receipt as JSON-able values; the recipient is masked unless ``full``."""
        values = self.model_dump(mode="json")
        if self.charged is not None:
            values["charged"] = (
                int(self.charged) if self.charged == int(self.charged) else float(self.charged)
            )
        if not full:
            values["to"] = mask(self.to)
        return values

    def __repr_args__(self) -> Iterable[tuple[str, Any]]:
        return [
            ("to", mask(self.to)),
            ("state", self.state.value),
            ("message_id", self.message_id),
            ("vendor", self.vendor),
        ]

    __str__ = BaseModel.__repr__
