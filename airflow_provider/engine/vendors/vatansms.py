"""VatanSMS's WhatsApp API: messages through WhatsApp accounts that are linked like a browser.

Source: ``004_f359c583eb2db9e1.txt``, the vendor's page "WhatsApp Toplu Mesaj API".

Credentials are two headers, ``client-id`` and ``client-secret`` (the page's tables have their descriptions
swapped, its introduction has them right). Every answer is an envelope ``{"code", "status", "description",
"data"?}``, and only HTTP 2xx together with ``code`` 200 is a yes. The page shows no refusal at all, so those are
read by their HTTP status.

A WhatsApp account is a *device*: ``regId`` in the answer to a login, ``reg_id`` everywhere else, a BigInteger in
one table and a String in another; here it is text. It is linked by a code or a QR within 30 seconds, and the
first ``/login/check`` waits for that.

A send is answered without any message id. The one thread to hold on to is our own ``report_id``, which comes back
in the callback as ``callback_data``; so every send has one.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePath
from typing import Any, ClassVar

import httpx
from pydantic import SecretStr

from airflow_provider.engine.account import Account
from airflow_provider.engine.errors import (
    AuthenticationFailed,
    ConfigurationError,
    InvalidMessage,
    Rejected,
    UnreadableResponse,
)
from airflow_provider.engine.exchange import (
    Accepted,
    DeliveryReport,
    Device,
    Exchange,
    Intent,
    Link,
    Pairing,
    ProfilePicture,
    as_e164,
    as_moment,
    as_text,
    build,
    decode_json,
    intent_of,
    raise_for_transient,
)
from airflow_provider.engine.messages import Attachment, State, WhatsApp
from airflow_provider.engine.vendors.refusals import Refusal, quoting, refusal, safe_words

__all__ = ["VatanSms"]

_STATES = {
    # "başarılı bir şekilde gönderildiyse": it left the linked phone. The vendor never says more than that, not
    # even when WhatsApp shows the second tick, so its last good word has to count as the end.
    "1": State.DELIVERED,
    "2": State.FAILED,
}
"""The ``status`` of a callback: an Integer in the page's table, a text in its sample."""


_LINK_AGAIN = "List the linked devices, and link this one again by phone or QR."
_REFUSALS = (
    # Assumed wording. It is about the device and not the message, which may go out once the device is back.
    Refusal(400, "bağlı değil", Rejected, "account", "The device is not linked.", _LINK_AGAIN),
    Refusal(400, "", Rejected, "message", "The vendor refused a field of the request."),
    Refusal(401, "", AuthenticationFailed, "account", "The client id or the client secret is wrong."),
    Refusal(403, "", AuthenticationFailed, "account", "The vendor denies access."),
    Refusal(
        404, "", Rejected, "account", "The vendor knows no such device, or no such address.", _LINK_AGAIN
    ),
    Refusal(413, "", Rejected, "message", "The message is too large for the vendor."),
    Refusal(415, "", Rejected, "message", "The vendor does not take this kind of attachment."),
    Refusal(422, "", Rejected, "message", "The vendor refused a field of the request."),
)

_EXTENSIONS = ("pdf", "doc", "docx", "ppt", "pptx", "xls", "xlsx", "jpeg", "jpg", "png")

_LONG_POLL = 40.0
"""Seconds to wait for ``/login/check``, which answers after 30 at the latest."""

_YES_OR_NO = {"true": True, "1": True, "false": False, "0": False}


class VatanSms:
    """One customer of VatanSMS; ``identity`` is the client id, ``secret`` the client secret.

    The connection's options are ``reg_id``, the device that sends when a message names none, and ``send_speed``,
    1 (fastest, the default) to 4 (slowest), for messages that name none.

    Raises:
        ConfigurationError: ``send_speed`` is something else.
    """

    key: ClassVar[str] = "vatansms"
    # The page knows no limit. A hundred bounds what one unanswered request leaves unknown.
    recipients_per_request: ClassVar[Mapping[str, int]] = {"send_whatsapp": 100, "send_whatsapp_each": 100}

    def __init__(self, account: Account) -> None:
        self.account = account
        self._default_device = as_text(account.options.get("reg_id"))
        speed = str(account.options.get("send_speed") or 1)
        if speed not in {"1", "2", "3", "4"}:
            raise ConfigurationError(
                f"The send speed of connection {account.conn_id!r} is none of 1 (fastest) to 4 (slowest).",
                vendor=self.key,
                advice='Correct "send_speed" in the connection\'s extra.',
            )
        self._default_speed = int(speed)

    # --- sending ----------------------------------------------------------------------------------------

    def send_whatsapp(self, message: WhatsApp, *, report_id: int) -> Exchange[Accepted]:
        """Send one text, and perhaps a file, to one or many.

        Raises:
            InvalidMessage: The attachment is of a kind that the vendor does not take.
            ConfigurationError: Neither the message nor the connection names a device.
        """
        path = "/messages/send" if len(message.to) == 1 else "/messages/send/oneToN"
        content = {"to": ",".join(message.to), "message": message.text}
        return (yield from self._send("send_whatsapp", path, content, [message], report_id))

    def send_whatsapp_each(self, messages: Sequence[WhatsApp], *, report_id: int) -> Exchange[Accepted]:
        """Send to each recipient a text of its own.

        Device, speed and attachment are said once per request, so all messages must agree on them.

        Raises:
            InvalidMessage: There is no message, they differ in one of these, or the attachment's kind is wrong.
            ConfigurationError: Neither the messages nor the connection name a device.
        """
        operation = "send_whatsapp_each"
        if not messages:
            raise InvalidMessage("There is no message to send.", vendor=self.key, operation=operation)
        for name in ("device", "speed", "attachment"):
            if any(getattr(message, name) != getattr(messages[0], name) for message in messages):
                raise InvalidMessage(
                    f"Messages that go out in one request must have the same {name}.",
                    vendor=self.key,
                    operation=operation,
                    advice="Send those that differ in a request of their own.",
                )
        content = {"n_to_n": [{"to": to, "message": each.text} for each in messages for to in each.to]}
        return (yield from self._send(operation, "/messages/send/nToN", content, messages, report_id))

    def _send(
        self,
        operation: str,
        path: str,
        content: Mapping[str, Any],
        messages: Sequence[WhatsApp],
        report_id: int,
    ) -> Exchange[Accepted]:
        shared = messages[0]
        fields = {
            "reg_id": self._device(shared.device, operation),
            **content,
            "send_speed": shared.speed or self._default_speed,
            "report_id": report_id,
        }
        if shared.attachment is None:
            request = self._request("POST", path, Intent.SEND, json=fields)
        else:
            file = _file_part(shared.attachment, operation)
            request = self._request(
                "POST", path, Intent.SEND, form=_form_fields(fields), files={"attachment": file}
            )
        yield from self._ask(operation, request, private=[message.text for message in messages])
        # "Mesajlarınız Gönderildi" is all: no id, and nothing about the single recipients of many.
        return Accepted()

    def _device(self, device: str | None, operation: str) -> str:
        chosen = device or self._default_device
        if not chosen:
            raise ConfigurationError(
                f"The message names no device and connection {self.account.conn_id!r} has none.",
                vendor=self.key,
                operation=operation,
                advice='Pass device=..., or set "reg_id" in the connection\'s extra; devices() lists the linked ones.',
            )
        return chosen

    # --- linking a device -------------------------------------------------------------------------------

    def login_phone(self, phone: str) -> Exchange[Pairing]:
        """Ask for a code, to be typed within 30 seconds on the phone with this number (E.164)."""
        request = self._request("POST", "/login/phone", Intent.ACT, json={"phone": phone})
        answer = yield from self._ask("login_phone", request)
        return Pairing(answer.device(), code=answer.secret("code"))

    def login_qr(self) -> Exchange[Pairing]:
        """Ask for the text of a QR, to be scanned within 30 seconds."""
        answer = yield from self._ask("login_qr", self._request("POST", "/login/qr", Intent.ACT))
        return Pairing(answer.device(), qr=answer.secret("qr"))

    def check_login(self, device: str) -> Exchange[Link]:
        """Wait up to 30 seconds for the first link of a device."""
        request = self._request(
            "POST", "/login/check", Intent.READ, json={"reg_id": device}, read_timeout=_LONG_POLL
        )
        return (yield from self._link("check_login", request, device))

    def check_active(self, device: str) -> Exchange[Link]:
        """Ask whether a device that was linked before still is, and whose it is."""
        request = self._request("POST", "/login/check/active", Intent.READ, json={"reg_id": device})
        return (yield from self._link("check_active", request, device))

    def _link(self, operation: str, request: httpx.Request, device: str) -> Exchange[Link]:
        """Ask about a link.

        400 is the normal answer while nobody has typed the code or scanned the QR ("30 saniye içerisinde sistem
        bir giriş algılamadıysa 400 döner"); whether as HTTP status or as ``code``, the page leaves open. Of
        ``/login/check/active`` it says only that 200 means linked, so the same is read there.
        """
        answer = yield from self._exchange(operation, request)
        if answer.status == 400 or (answer.status < 300 and answer.code == "400"):
            return Link(device, connected=False, message=answer.words or None)
        answer.demand_yes()
        # Both stand inside data at /login/check, and beside data at /login/check/active.
        found = {**answer.body, **answer.data}
        connected = _YES_OR_NO.get(str(found.get("is_connect")).lower())
        if connected is None:
            raise answer.unreadable("does not say whether the device is linked")
        return Link(
            device,
            connected,
            message=as_text(found.get("message")),
            number=as_e164(answer.data.get("device_number")),
            platform=as_text(answer.data.get("platform")),
            state=as_text(answer.data.get("state")),
            user_name=as_text(answer.data.get("user_name")),
            j_id=as_text(answer.data.get("j_id")),
        )

    def devices(self) -> Exchange[tuple[Device, ...]]:
        """List the linked devices."""
        answer = yield from self._ask("devices", self._request("GET", "/devices", Intent.READ))
        listed = answer.body.get("data")
        if not isinstance(listed, list):
            raise answer.unreadable("is no list of devices")
        return tuple(_listed_device(answer, item) for item in listed)

    def profile_picture(self, device: str) -> Exchange[ProfilePicture]:
        """Ask where the picture of a device's account is."""
        request = self._request("POST", "/profile-picture", Intent.READ, json={"reg_id": device})
        answer = yield from self._ask("profile_picture", request)
        url = answer.data.get("image")
        if not isinstance(url, str) or not url:
            raise answer.unreadable("names no picture")
        return ProfilePicture(url)

    def logout(self, device: str) -> Exchange[None]:
        """Unlink a device."""
        request = self._request("POST", "/logout", Intent.ACT, json={"reg_id": device})
        yield from self._ask("logout", request)

    # --- callback ---------------------------------------------------------------------------------------

    def read_callback(self, headers: Mapping[str, str], body: bytes) -> DeliveryReport:
        """Read the report that the vendor posts to the address entered in its panel.

        The vendor signs nothing; it sends the account's two credentials back as headers. A report names its
        message by our ``report_id`` and the recipient; all its values are texts, also the numbers.

        Raises:
            ConfigurationError: The connection has no credentials to compare with.
            AuthenticationFailed: The headers are not our credentials.
            UnreadableResponse: The body is not the documented one.
        """
        matches = [
            hmac.compare_digest(headers.get(name, "").encode(), value.encode())
            for name, value in self._credentials().items()
        ]
        if not all(matches):
            raise AuthenticationFailed(
                "A callback came without the account's client id and client secret.",
                vendor=self.key,
                operation="read_callback",
                advice="If it was VatanSMS, compare the connection's credentials with its panel.",
            )
        try:
            report = json.loads(body)
        except (ValueError, RecursionError):
            report = None
        word = as_text(report.get("status")) if isinstance(report, dict) else None
        if word is None:
            raise UnreadableResponse(
                "The callback is not a JSON object with a status.", vendor=self.key, operation="read_callback"
            )
        return DeliveryReport(
            # A status that the page does not know ends nothing.
            state=_STATES.get(word, State.ACCEPTED),
            word=word,
            to=as_e164(report.get("phone")),
            report_id=_report_id(report.get("callback_data")),
            at=_go_time(report.get("send_time")),
        )

    # --- the wire ---------------------------------------------------------------------------------------

    def _credentials(self) -> dict[str, str]:
        conn_id = self.account.conn_id
        if not self.account.identity:
            raise ConfigurationError(
                f"Connection {conn_id!r} has no client id.",
                vendor=self.key,
                advice="Enter the client id in the connection's login field.",
            )
        secret = self.account.require_secret("client secret")
        credentials = {"client-id": self.account.identity, "client-secret": secret}
        for name, value in credentials.items():
            if not (value.isascii() and value.isprintable()):
                raise ConfigurationError(
                    f"The {name} of connection {conn_id!r} has a character that no header can carry.",
                    vendor=self.key,
                    advice="Copy it again from the vendor's panel.",
                )
        return credentials

    def _request(self, method: str, path: str, intent: Intent, **content: Any) -> httpx.Request:
        address = f"{self.account.base_url}{path}"
        return build(method, address, intent=intent, headers=self._credentials(), **content)

    def _ask(self, operation: str, request: httpx.Request, private: Sequence[str] = ()) -> Exchange[_Answer]:
        """Make a request and return the answer if it is a yes; ``private`` must not come back in an error."""
        answer = yield from self._exchange(operation, request, private)
        answer.demand_yes()
        return answer

    def _exchange(
        self, operation: str, request: httpx.Request, private: Sequence[str] = ()
    ) -> Exchange[_Answer]:
        """Make a request and return a yes or a no; answers that are neither raise."""
        response = yield request
        raise_for_transient(response, intent=intent_of(request), vendor=self.key, operation=operation)
        try:
            body = decode_json(response, vendor=self.key, operation=operation)
        except UnreadableResponse:
            # The page of a proxy in between: its status is all that it says.
            body = {}
        words = safe_words(body.get("description"), [*self._credentials().values(), *private])
        return _Answer(operation, response.status_code, body, words)


@dataclass(frozen=True, slots=True)
class _Answer:
    """An answer of the vendor; ``words`` are its description, made safe to show."""

    operation: str
    status: int
    body: Mapping[str, Any]
    words: str

    @property
    def code(self) -> str | None:
        # Shown with every error, so anything but a number, which might be an echo, is left out.
        code = as_text(self.body.get("code")) or ""
        return code if code.isascii() and code.isdigit() and len(code) < 6 else None

    @property
    def data(self) -> Mapping[str, Any]:
        data = self.body.get("data")
        return data if isinstance(data, dict) else {}

    @property
    def where(self) -> dict[str, Any]:
        return {
            "vendor": VatanSms.key,
            "operation": self.operation,
            "status": self.status,
            "code": self.code,
        }

    def demand_yes(self) -> None:
        """Return if the vendor said yes, both by its status and by its code."""
        if self.status >= 400:
            raise refusal(_REFUSALS, self.words, **self.where)
        # A no inside HTTP 200 is nowhere documented, so what it means for a message is anyone's guess.
        if self.status < 200 or self.code != "200":
            raise self.unreadable("is not one with code 200")

    def unreadable(self, what: str) -> UnreadableResponse:
        return UnreadableResponse(quoting(f"The vendor's answer {what}.", self.words), **self.where)

    def device(self) -> str:
        device = as_text(self.data.get("regId")) or as_text(self.data.get("reg_id"))
        if device is None:
            raise self.unreadable("names no device")
        return device

    def secret(self, name: str) -> SecretStr:
        value = self.data.get(name)
        if not isinstance(value, str) or not value:
            raise self.unreadable(f"holds no {name}")
        return SecretStr(value)


def _file_part(attachment: Attachment, operation: str) -> tuple[str, bytes, str]:
    extension = PurePath(attachment.name).suffix.removeprefix(".").lower()
    if extension not in _EXTENSIONS:
        raise InvalidMessage(
            "VatanSMS does not take this kind of attachment.",
            vendor=VatanSms.key,
            operation=operation,
            advice=f"It takes {', '.join(_EXTENSIONS)}.",
        )
    return attachment.name, attachment.content, attachment.media_type


def _form_fields(fields: Mapping[str, Any]) -> dict[str, str]:
    # A form has no place for an array. JSON as text for n_to_n is our guess: the page shows no request with an
    # attachment, and no public client sends one to many.
    return {
        name: json.dumps(value, ensure_ascii=False) if isinstance(value, list) else str(value)
        for name, value in fields.items()
    }


def _listed_device(answer: _Answer, item: object) -> Device:
    device = as_text(item.get("reg_id")) if isinstance(item, dict) else None
    if not isinstance(item, dict) or device is None:
        raise answer.unreadable("lists a device without reg_id")
    return Device(
        device=device,
        number=as_e164(item.get("sender")),
        platform=as_text(item.get("platform")),
        user_name=as_text(item.get("user_name")),
        picture=as_text(item.get("profile_picture")),
        created_at=as_moment(item.get("created_at")),
    )


def _report_id(value: object) -> int | None:
    digits = as_text(value) or ""
    number = int(digits) if digits.isascii() and digits.isdigit() else 0
    return number if 0 < number < 2**53 else None


def _go_time(value: object) -> datetime | None:
    """Read what Go prints for a time: ``2024-05-20 14:49:55 +0300 +03``, at times with a fraction."""
    date, clock, offset, *_ = [*(as_text(value) or "").split(), "", "", ""]
    try:
        moment = datetime.strptime(f"{date} {clock.partition('.')[0]} {offset}", "%Y-%m-%d %H:%M:%S %z")
    except ValueError:
        return None
    return _believable(moment)


def _believable(moment: datetime) -> datetime | None:
    # The first and last years of the calendar overflow as soon as somebody asks for UTC.
    return moment if moment.tzinfo and 1970 <= moment.year < 9999 else None
