"""The language of vendor modules: requests with an intent, answers as typed results.

A vendor's operation is a generator, an :data:`Exchange`: it yields ``httpx.Request``, is sent
``httpx.Response`` (read to the end), and returns one of the results below or raises from
:mod:`airflow_provider.engine.errors`. It never opens a socket, reads a clock or sleeps; drivers do that.
"""

from __future__ import annotations

import functools
import json as jsonlib
import re
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any, TypeVar

import httpx
from pydantic import SecretStr

from airflow_provider import __version__
from airflow_provider.engine.errors import (
    ConfigurationError,
    OutcomeUnknown,
    RateLimited,
    UnreadableResponse,
    VendorUnavailable,
)
from airflow_provider.engine.messages import State

__all__ = [
    "Accepted",
    "Balance",
    "Delivery",
    "DeliveryReport",
    "Device",
    "Exchange",
    "Identity",
    "Intent",
    "Link",
    "MessagePage",
    "Pairing",
    "Pause",
    "ProfilePicture",
    "SenderId",
    "SentMessage",
    "Step",
    "Work",
    "as_e164",
    "as_json",
    "as_moment",
    "as_number",
    "as_text",
    "build",
    "decode_json",
    "intent_of",
    "raise_for_transient",
    "read_timeout_of",
    "start_before",
    "start_before_of",
]

T = TypeVar("T")
Exchange = Generator[httpx.Request, httpx.Response, T]
"""One operation of a vendor, as a conversation."""


@dataclass(frozen=True, slots=True)
class Work:
    """Something blocking that a driver does for dispatch, such as a call of the ledger.

    The sync driver calls it; the async one has it done in the ledger's own thread, and finishes it even when
    the waiting task is cancelled.
    """

    call: Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Pause:
    """A wait in seconds that a driver does for dispatch."""

    seconds: float


Step = httpx.Request | Work | Pause
"""What a driver can be asked to do: vendors yield requests only, dispatch all three."""


class Intent(StrEnum):
    """What a request does at the vendor, and so whether it may be repeated.

    ``READ`` may be repeated by a driver; ``ACT`` (login, logout) never is, and is not in the ledger; ``SEND``
    never is, and goes through the ledger.
    """

    READ = "read"
    ACT = "act"
    SEND = "send"


# --- requests -------------------------------------------------------------------------------------------

_INTENT = "ulak_intent"
_READ_TIMEOUT = "ulak_read_timeout"
_START_BEFORE = "ulak_start_before"
_HEADERS = httpx.Headers({"User-Agent": f"ulak/{__version__}", "Accept": "application/json"})
# Made once: both would otherwise be made again for every request of a campaign.
_JSON_HEADERS = httpx.Headers({**_HEADERS, "Content-Type": "application/json"})
_encode_json = jsonlib.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_BOUNDARY = "ulak-attachment-7f3c1d52a9"


@functools.lru_cache(maxsize=256)
def _url(address: str) -> httpx.URL:
    # Parsing an address costs more than all the rest of building a request.
    return httpx.URL(address)


def build(
    method: str,
    address: str,
    *,
    intent: Intent = Intent.SEND,
    params: Mapping[str, str] | None = None,
    json: Any = None,
    form: Mapping[str, str] | None = None,
    files: Mapping[str, tuple[str, bytes, str]] | None = None,
    headers: Mapping[str, str] | None = None,
    read_timeout: float | None = None,
) -> httpx.Request:
    """Build a request with its body as bytes and its intent attached.

    Args:
        method: The HTTP method.
        address: The whole address, without a query.
        intent: What it does; a send unless said otherwise, so that forgetting it errs on the safe side.
        params: The query.
        json: A JSON body.
        form: A form body, or the text fields beside ``files``.
        files: Parts of a multipart body as (file name, content, media type).
        headers: Further headers.
        read_timeout: Seconds that this request may wait for its answer, when longer than the account's (a long poll).
    """
    extensions: dict[str, Any] = {_INTENT: intent}
    if read_timeout is not None:
        extensions[_READ_TIMEOUT] = read_timeout
    content: bytes | None = None
    all_headers = _HEADERS
    if json is not None:
        content = _encode_json(json).encode()
        all_headers = _JSON_HEADERS
    elif files is not None:
        # A fixed boundary keeps a golden exchange comparable to the byte.
        all_headers = httpx.Headers(
            {**_HEADERS, "Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}
        )
    try:
        request = httpx.Request(
            method,
            _url(address),
            params=params,
            content=content,
            data=dict(form) if form is not None else None,
            files=dict(files) if files is not None else None,
            headers=all_headers if headers is None else {**all_headers, **headers},
            extensions=extensions,
        )
    except UnicodeEncodeError:
        raise ConfigurationError(
            "A credential in a header has characters beyond ASCII, which no header can carry.",
            advice="Enter it again as the vendor's panel shows it.",
        ) from None
    request.read()
    return request


def intent_of(request: httpx.Request) -> Intent:
    """Return what a request does; a send when nothing is attached."""
    return Intent(request.extensions.get(_INTENT, Intent.SEND))


def read_timeout_of(request: httpx.Request) -> float | None:
    """Return the request's own read timeout in seconds, if it has one."""
    value = request.extensions.get(_READ_TIMEOUT)
    return None if value is None else float(value)


def start_before(request: httpx.Request, moment: float) -> None:
    """Forbid a driver to let a byte of the request leave after a moment of ``time.monotonic``.

    A claim's lease ends; a process that was asleep meanwhile must not send any more.
    """
    request.extensions[_START_BEFORE] = moment


def start_before_of(request: httpx.Request) -> float | None:
    """Return the moment of ``time.monotonic`` after which the request must not begin, if there is one."""
    value = request.extensions.get(_START_BEFORE)
    return None if value is None else float(value)


# --- answers --------------------------------------------------------------------------------------------

_UNCERTAIN = frozenset({408, 409, 425})


def raise_for_transient(response: httpx.Response, *, intent: Intent, vendor: str, operation: str) -> None:
    """Raise for the answers that mean the same at every vendor, and return for all others.

    429 is a refusal that ends by waiting. 408, 409, 425, 3xx and 5xx say nothing certain about a send.

    Raises:
        RateLimited: 429.
        OutcomeUnknown: An uncertain answer to a send, or to an act.
        VendorUnavailable: An uncertain answer to a read.
    """
    status = response.status_code
    where: dict[str, Any] = {"vendor": vendor, "operation": operation, "status": status}
    if status == 429:
        after, at = _retry_after(response.headers.get("Retry-After"))
        raise RateLimited("The vendor asks for fewer requests.", retry_after=after, retry_at=at, **where)
    if status < 300 or (400 <= status < 500 and status not in _UNCERTAIN):
        return
    if intent is Intent.READ:
        raise VendorUnavailable(f"The vendor answered with HTTP {status}.", **where)
    advice = OutcomeUnknown.advice_for_acts if intent is Intent.ACT else None
    raise OutcomeUnknown(
        f"The vendor answered with HTTP {status}, which does not say whether it acted.",
        advice=advice,
        **where,
    )


def _retry_after(value: str | None) -> tuple[float | None, datetime | None]:
    if value is None:
        return None, None
    try:
        seconds = float(value)
    except ValueError:
        pass
    else:
        return (seconds if 0 <= seconds < 1e7 else None), None
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError):
        return None, None
    return None, moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def decode_json(response: httpx.Response, *, vendor: str, operation: str) -> dict[str, Any]:
    """Return the answer's JSON object.

    Raises:
        UnreadableResponse: It is no JSON, or no object.
    """
    try:
        value = jsonlib.loads(response.content)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise UnreadableResponse(
            "The vendor's answer is not a JSON object.",
            vendor=vendor,
            operation=operation,
            status=response.status_code,
        )
    return value


_E164_DIGITS = re.compile(r"[1-9][0-9]{6,14}")


def as_text(value: object) -> str | None:
    """Return a scalar of a JSON answer as text; None for null, an empty text or anything nested."""
    if isinstance(value, bool) or value is None or isinstance(value, dict | list):
        return None
    # Half a surrogate pair or a null, which JSON can spell, would make no database and no log happy.
    text = str(value)
    if not text.isascii() or "\x00" in text:
        text = text.encode("utf-8", "replace").decode().replace("\x00", "")
    text = text.strip()
    return text[:200] or None


def as_moment(value: object) -> datetime | None:
    """Return a moment that a vendor wrote in ISO 8601 with its offset; None for anything else.

    The first and last years of the calendar overflow as soon as somebody asks for UTC, so they are nothing.
    """
    try:
        moment = datetime.fromisoformat(as_text(value) or "")
    except ValueError:
        return None
    return moment if moment.tzinfo and 1970 <= moment.year < 9999 else None


def as_e164(value: object) -> str | None:
    """Return a vendor's ``905...``, a text or a bare number, in E.164; None for anything else, such as a masked one."""
    digits = (as_text(value) or "").removeprefix("+")
    return f"+{digits}" if _E164_DIGITS.fullmatch(digits) else None


def as_number(value: object) -> Decimal | None:
    """Return a number that a vendor wrote as a number or as text, or None."""
    text = as_text(value)
    if text is None or len(text) > 40:
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    # "1e999999999" is a number too, and writing it out would take all memory.
    return number if number.is_finite() and abs(number.adjusted()) < 20 else None


# --- results --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Accepted:
    """The vendor took the message.

    Attributes:
        message_id: Its id at the vendor, where it gives one.
        charged: Credits that the vendor says it took for the whole request.
        request_id: What its support desk asks for, where that is not the message id.
        country: Where the message goes, as the vendor says it.
        sent_last_minute: TurkeySMS's count for pacing.
        code: The one-time code that the vendor made.
        refused: Recipients that the vendor left out of a request for many, with its word.
    """

    message_id: str | None = None
    charged: Decimal | None = None
    request_id: str | None = None
    country: str | None = None
    sent_last_minute: int | None = None
    code: SecretStr | None = None
    refused: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """The vendor's later word on a message for one recipient.

    Attributes:
        state: ACCEPTED while on its way, DELIVERED or FAILED at the end.
        word: What the vendor really said.
        to: The recipient in E.164, where the report names one in full.
        message_id, report_id: Whichever the vendor reports by.
        at: The vendor's time of it, aware.
        operator: The mobile operator.
        charged: Credits.
    """

    state: State
    word: str
    to: str | None = None
    message_id: str | None = None
    report_id: int | None = None
    at: datetime | None = None
    operator: str | None = None
    charged: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """All that the vendor knows of one message id: a report for each recipient."""

    message_id: str
    reports: tuple[DeliveryReport, ...]


@dataclass(frozen=True, slots=True)
class Balance:
    """What is left: ``credits`` in messages, ``money`` in ``currency``."""

    credits: Decimal | None = None
    money: Decimal | None = None
    currency: str = "TRY"


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom the vendor takes us for. ``note`` says how sure that is, where it is less than sure."""

    account_id: str | None = None
    name: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class SenderId:
    """A sender of the account and the vendor's word on its approval."""

    name: str
    state: str | None = None


@dataclass(frozen=True, slots=True)
class SentMessage:
    """One line of the vendor's own list of messages. ``recipients`` are in E.164."""

    message_id: str
    sender: str | None
    text: str
    recipients: tuple[str, ...]
    created_at: datetime | None


@dataclass(frozen=True, slots=True)
class MessagePage:
    """A page of the vendor's list. ``next_page`` is None on the last one."""

    messages: tuple[SentMessage, ...]
    page: int
    total_pages: int
    next_page: int | None


@dataclass(frozen=True, slots=True)
class Pairing:
    """A running attempt to link a WhatsApp account.

    Attributes:
        device: The ``reg_id`` to ask about afterwards.
        code: What to type on the phone, for a login by phone.
        qr: What to draw as QR, for a login by QR.
        expires_in: Seconds that it can be used.
    """

    device: str
    code: SecretStr | None = None
    qr: SecretStr | None = None
    expires_in: int = 30


@dataclass(frozen=True, slots=True)
class Link:
    """Whether a device is linked, and what is known of it. ``number`` is in E.164."""

    device: str
    connected: bool
    message: str | None = None
    number: str | None = None
    platform: str | None = None
    state: str | None = None
    user_name: str | None = None
    j_id: str | None = None


@dataclass(frozen=True, slots=True)
class Device:
    """A linked WhatsApp account. ``number`` is in E.164."""

    device: str
    number: str | None
    platform: str | None
    user_name: str | None
    picture: str | None
    created_at: datetime | None


@dataclass(frozen=True, slots=True)
class ProfilePicture:
    """Where the device's picture can be fetched."""

    url: str


def as_json(result: object) -> Any:
    """Return a result as JSON-able values, with secrets left out."""
    if is_dataclass(result) and not isinstance(result, type):
        return {
            f.name: as_json(value)
            for f in fields(result)
            if not isinstance(value := getattr(result, f.name), SecretStr)
        }
    if isinstance(result, Mapping):
        return {str(key): as_json(value) for key, value in result.items()}
    if isinstance(result, list | tuple):
        return [as_json(value) for value in result]
    if isinstance(result, datetime):
        return result.isoformat()
    if isinstance(result, Decimal):
        return int(result) if result == result.to_integral_value() else float(result)
    return str(result) if isinstance(result, StrEnum) else result
