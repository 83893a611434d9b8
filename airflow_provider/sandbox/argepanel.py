"""Arge's notification API (`003_16bce886d04cf347.txt`): one endpoint for SMS and e-mail, texts word for word.

The document has no balance, no status query and no callback; messages move on here only for the inbox.
"""

from __future__ import annotations

import re
import secrets
import uuid
from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field, SecretStr

from airflow_provider.sandbox.store import Store, measured
from airflow_provider.sandbox.wire import Account, Answer, Call, MinuteWindow, Pause, Refused, Route, StandIn

BAD_PHONE = "Geçersiz telefon numarası. En az 10 hane girin; başında 90 yoksa eklenir. Örnek: 905111111111"
NO_EMAIL = (
    "type=email için en az bir alıcı zorunludur: emails alanına bir veya daha fazla e-posta adresi girin."
)
WRONG_KEY = "Geçersiz API anahtarı veya program"
PASSIVE_KEY = "Bu API anahtarı pasif durumdadır."
EXPIRED_KEY = "API anahtarının süresi dolmuş"
TOO_MANY = "İstek limiti aşıldı"
UPSTREAM = "Gönderim sağlayıcı hatası"
OURS = "Sunucu hatası"
ADDRESS = re.compile(r"[^@\s,]+@[^@\s,]+\.[^@\s,]+")
DIGITS = re.compile(r"[0-9]{10,}")
TURKISH = re.compile(r"90[1-9][0-9]{9}")


class ArgePanelAccount(Account):
    """The account at Arge."""

    api_key: SecretStr = SecretStr("nk_sandbox")
    program_key: SecretStr = SecretStr("ulak-sandbox")
    active: bool = True
    expired: bool = False
    sms_sender: str = "ULAK"
    """Shown as the sender of SMS, for which a request can name none."""
    from_address: str = "bildirim@ornek.com"
    """The sender of mails that name none: the vendor's SMTP setting."""
    senders: tuple[str, ...] = ()
    """From addresses that are allowed; empty allows all, since the document asks for no approval."""
    per_minute: int | None = Field(default=None, ge=0)


class ArgePanel(StandIn):
    """Arge on the sandbox."""

    key: ClassVar[str] = "argepanel"
    title: ClassVar[str] = "Arge"
    states: ClassVar[tuple[str, ...]] = ("accepted", "delivered", "failed")
    account: ArgePanelAccount

    def __init__(self, store: Store, pause: Pause) -> None:
        super().__init__(store, pause, [Route("POST", "/api/send", "send_sms", self.send, _operation)])
        self.operations = ("send_sms", "send_email")
        self.reset()

    def reset(self) -> None:
        """Put account and counters back to how they were at the start."""
        self.account = ArgePanelAccount()
        self._minute = MinuteWindow(self.store.clock)

    async def send(self, call: Call) -> Answer:
        """Take an SMS or a mail."""
        fields = call.json_object()
        if fields is None:
            raise Refused(_answer(400, "İstek gövdesi JSON olmalıdır."))
        self._authenticate(fields)
        kind = fields.get("type")
        if kind == "sms":
            return self._send_sms(call, fields)
        if kind == "email":
            return self._send_email(call, fields)
        raise Refused(_answer(400, 'type alanı "email" veya "sms" olmalıdır.'))

    def _authenticate(self, fields: Mapping[str, Any]) -> None:
        # Before all validation: a request with a good key and an empty body is a 400, never a 401.
        for name, expected in (("apiKey", self.account.api_key), ("programKey", self.account.program_key)):
            given = fields.get(name)
            if not isinstance(given, str) or not given:
                raise Refused(_answer(401, WRONG_KEY))
            if not secrets.compare_digest(given.encode(), expected.get_secret_value().encode()):
                raise Refused(_answer(401, WRONG_KEY))
        if not self.account.active:
            raise Refused(_answer(403, PASSIVE_KEY))
        if self.account.expired:
            raise Refused(_answer(403, EXPIRED_KEY))

    def _send_sms(self, call: Call, fields: Mapping[str, Any]) -> Answer:
        phones = fields.get("phones")
        if not isinstance(phones, list) or not phones:
            raise Refused(
                _answer(
                    400, "type=sms için en az bir alıcı zorunludur: phones alanına telefon numarası girin."
                )
            )
        numbers = [_normalised(phone) for phone in phones]
        text = _text(fields, "message")
        if not text.strip():
            raise Refused(_answer(400, "type=sms için message zorunludur."))
        self._count(len(numbers))
        request_id, size = str(uuid.uuid4()), measured(text)
        for number in numbers:
            self.take(
                call,
                channel="sms",
                to=number,
                sender=self.account.sms_sender,
                text=text,
                message_id=request_id,
                credits=size.segments,
                measured=size,
            )
        return _answer(200, "sent", request_id)

    def _send_email(self, call: Call, fields: Mapping[str, Any]) -> Answer:
        recipients = fields.get("emails")
        if not isinstance(recipients, list) or not recipients:
            raise Refused(_answer(400, NO_EMAIL))
        addresses = _addresses(recipients)
        subject = _text(fields, "subject")
        if not subject.strip():
            raise Refused(_answer(400, "type=email için konu zorunludur: subject alanını girin."))
        text, html = _text(fields, "message"), _text(fields, "html")
        if not text.strip() and not html.strip():
            raise Refused(
                _answer(400, "type=email için message veya html alanlarından en az biri zorunludur.")
            )
        sender = _text(fields, "from") or self.account.from_address
        _addresses([sender])
        if self.account.senders and sender not in self.account.senders:
            raise Refused(_answer(400, f"from adresi kullanılamaz: {sender}"))
        cc, bcc, reply_to = (_addresses(_listed(fields.get(name))) for name in ("ccs", "bccs", "replyTo"))
        self._count(len(addresses))
        request_id = str(uuid.uuid4())
        for address in addresses:
            self.take(
                call,
                channel="email",
                to=address,
                sender=sender,
                text=text,
                message_id=request_id,
                subject=subject,
                html=html or None,
                cc=cc,
                bcc=bcc,
                reply_to=reply_to,
            )
        return _answer(200, "sent", request_id)

    def _count(self, messages: int) -> None:
        limit = self.account.per_minute
        if limit is not None and self._minute.count() + messages > limit:
            raise Refused(self.throttled())
        self._minute.add(messages)

    def throttled(self) -> Answer:
        """Answer 429 in the document's words."""
        return _answer(429, TOO_MANY)

    def broken(self, status: int) -> Answer:
        """Answer 500 or 502 in the document's words."""
        return _answer(status, UPSTREAM if status == 502 else OURS)


def _operation(call: Call) -> str:
    fields = call.json_object()
    return "send_email" if fields is not None and fields.get("type") == "email" else "send_sms"


def _answer(status: int, message: str, request_id: str | None = None) -> Answer:
    """Every answer has the same three fields."""
    success = status == 200
    payload = {"success": success, "requestId": request_id or str(uuid.uuid4()), "message": message}
    return Answer.of_json(status, payload)


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if value is not None and not isinstance(value, str):
        raise Refused(_answer(400, f"{name} metin olmalıdır."))
    return value or ""


def _normalised(phone: object) -> str:
    """Return a number as E.164: no plus, ten digits or more, 90 put before it where it is missing."""
    if not isinstance(phone, str) or not DIGITS.fullmatch(phone):
        raise Refused(_answer(400, BAD_PHONE))
    local = phone.removeprefix("0")  # 05511111111 is 905511111111, says the document
    number = local if local.startswith("90") and len(local) > 10 else f"90{local}"
    if not TURKISH.fullmatch(number):
        raise Refused(_answer(400, BAD_PHONE))
    return f"+{number}"


def _listed(value: object) -> list[object]:
    """Return a field that may be an array or a comma-separated text as a list."""
    if value is None or value == "":
        return []
    if isinstance(value, str):
        return [part.strip() for part in value.split(",")]
    if isinstance(value, list):
        return value
    raise Refused(_answer(400, "Adresler dizi veya virgülle ayrılmış metin olmalıdır."))


def _addresses(values: list[object]) -> tuple[str, ...]:
    for value in values:
        if not isinstance(value, str) or not ADDRESS.fullmatch(value):
            raise Refused(_answer(400, f"Geçersiz e-posta adresi: {value}"))
    return tuple(str(value) for value in values)
