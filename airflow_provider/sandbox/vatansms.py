"""VatanSMS's WhatsApp API v1 (`004_f359c583eb2db9e1.txt`): twelve calls in one envelope, and a callback.

The document prints successes only. The envelope of errors, and an HTTP status equal to its `code`, are assumed.
WhatsApp messages have no segments, and the document knows no balance: they cost nothing here.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from pydantic import Field, SecretStr

from airflow_provider.sandbox.devices import Device, Devices
from airflow_provider.sandbox.multipart import FilePart, Malformed, fields_and_files
from airflow_provider.sandbox.store import Attachment, Message, Store
from airflow_provider.sandbox.wire import (
    ISTANBUL,
    Account,
    Answer,
    Call,
    Pause,
    Refused,
    Route,
    StandIn,
    json_value,
)

PHONE = re.compile(r"\+[1-9][0-9]{7,14}")
WHOLE = re.compile(r"[0-9]{1,18}")
FILE_TYPES = frozenset({"pdf", "doc", "docx", "ppt", "pptx", "xls", "xlsx", "jpeg", "jpg", "png"})
PICTURE = "https://pps.whatsapp.net/v/"
DONE = "İşlem başarılı!"
SENT = "Mesajlarınız Gönderildi"


class VatanSmsAccount(Account):
    """The account at VatanSMS."""

    client_id: SecretStr = SecretStr("sandbox-client")
    client_secret: SecretStr = SecretStr("sandbox-vatansms-secret")
    code_lifetime: float = Field(default=30.0, gt=0)
    """Seconds within which a QR is to be scanned or a code typed in."""
    check_seconds: float = Field(default=30.0, ge=0)
    """Seconds that the first login check waits for a login."""


class VatanSms(StandIn):
    """VatanSMS on the sandbox."""

    key: ClassVar[str] = "vatansms"
    title: ClassVar[str] = "VatanSMS"
    states: ClassVar[tuple[str, ...]] = ("accepted", "delivered", "failed")
    has_callbacks: ClassVar[bool] = True
    account: VatanSmsAccount
    devices: Devices

    def __init__(self, store: Store, pause: Pause) -> None:
        api = "/api/whatsapp/v1"
        super().__init__(
            store,
            pause,
            [
                Route("POST", f"{api}/login/phone", "login_phone", self.login_phone),
                Route("POST", f"{api}/login/qr", "login_qr", self.login_qr),
                Route("POST", f"{api}/login/check", "check_login", self.check_login),
                Route("POST", f"{api}/login/check/active", "check_active", self.check_active),
                Route("POST", f"{api}/messages/send", "send_whatsapp", self.send_one),
                Route("POST", f"{api}/messages/send/oneToN", "send_whatsapp", self.send_one_to_n),
                Route("POST", f"{api}/messages/send/nToN", "send_whatsapp_each", self.send_n_to_n),
                Route("POST", f"{api}/profile-picture", "profile_picture", self.profile_picture),
                Route("POST", f"{api}/logout", "logout", self.logout),
                Route("GET", f"{api}/devices", "devices", self.list_devices),
            ],
        )
        self.reset()

    def reset(self) -> None:
        """Put account and devices back to how they were at the start."""
        self.account = VatanSmsAccount()
        self.devices = Devices(self.store.clock)

    async def login_phone(self, call: Call) -> Answer:
        """Show a code to type in on the phone with this number."""
        fields, _ = self._read(call)
        phone = fields.get("phone")
        if not isinstance(phone, str) or not PHONE.fullmatch(phone):
            raise Refused(_answer(400, "phone alanı +90xxxxxxxxxx biçiminde olmalıdır."))
        device = self.devices.show_code(lifetime=self.account.code_lifetime, phone=phone)
        self._changed(device)
        return _answer(200, DONE, data={"code": device.code, "regId": device.reg_id})

    async def login_qr(self, call: Call) -> Answer:
        """Show a QR."""
        self._authenticate(call)
        device = self.devices.show_code(lifetime=self.account.code_lifetime)
        self._changed(device)
        return _answer(200, DONE, data={"qr": device.code, "regId": device.reg_id})

    async def check_login(self, call: Call) -> Answer:
        """Wait up to thirty seconds for the first login; answers as soon as the code is scanned."""
        device = self._device(self._read(call)[0])
        ends = call.at + self.account.check_seconds
        while self.devices.linked(device.reg_id) is None:
            # In short steps, so that a test's clock may jump; a closing sandbox answers at once.
            closing = await self.pause(0.02)
            if closing or self.store.clock() >= ends:
                raise Refused(_answer(400, "Giriş algılanamadı."))
        return _answer(200, DONE, data={"is_connect": True, "message": "device connected"})

    async def check_active(self, call: Call) -> Answer:
        """Tell whether a device is linked; here `is_connect` stands beside `data` and not in it."""
        device = self._device(self._read(call)[0])
        if self.devices.linked(device.reg_id) is None:
            return _answer(
                400, "Cihaz bağlı değil.", beside={"is_connect": False, "message": "device not connected"}
            )
        number = (device.number or "").removeprefix("+")
        data = {
            "device_number": number,
            "platform": device.platform,
            "state": "1",
            "user_name": device.user_name,
            "j_id": f"{number}:97@s.whatsapp.net",
        }
        return _answer(200, DONE, data=data, beside={"is_connect": True, "message": "device connected"})

    async def send_one(self, call: Call) -> Answer:
        """Take one message for one number."""
        fields, file = self._read(call)
        to = fields.get("to")
        if not isinstance(to, str) or not PHONE.fullmatch(to):
            raise Refused(_answer(400, "to alanı +90xxxxxxxxxx biçiminde olmalıdır."))
        return self._send(call, fields, file, [(to, fields.get("message"))])

    async def send_one_to_n(self, call: Call) -> Answer:
        """Take one message for many numbers."""
        fields, file = self._read(call)
        to = fields.get("to")
        numbers = [number.strip(" ") for number in to.split(",")] if isinstance(to, str) else []
        if not numbers or not all(PHONE.fullmatch(number) for number in numbers):
            raise Refused(_answer(400, "to alanı virgülle ayrılmış +90xxxxxxxxxx numaraları olmalıdır."))
        return self._send(call, fields, file, [(number, fields.get("message")) for number in numbers])

    async def send_n_to_n(self, call: Call) -> Answer:
        """Take many messages, each with its own number and text."""
        fields, file = self._read(call)
        pairs = fields.get("n_to_n")
        if isinstance(pairs, str):  # the only way for an array to travel beside a file
            pairs = json_value(pairs)
        if not isinstance(pairs, list) or not pairs or not all(isinstance(pair, dict) for pair in pairs):
            raise Refused(_answer(400, "n_to_n alanı to ve message içeren bir dizi olmalıdır."))
        for pair in pairs:
            to = pair.get("to")
            if not isinstance(to, str) or not PHONE.fullmatch(to):
                raise Refused(_answer(400, "to alanı +90xxxxxxxxxx biçiminde olmalıdır."))
        return self._send(call, fields, file, [(pair["to"], pair.get("message")) for pair in pairs])

    def _send(
        self, call: Call, fields: Mapping[str, Any], file: FilePart | None, pairs: list[tuple[str, Any]]
    ) -> Answer:
        device = self._linked(fields)
        # Only attachment and report_id are called optional.
        speed, report_id = str(fields.get("send_speed", "")), fields.get("report_id")
        if speed not in {"1", "2", "3", "4"}:
            raise Refused(_answer(400, "send_speed 1, 2, 3 veya 4 olmalıdır."))
        if report_id is not None and not WHOLE.fullmatch(str(report_id)):
            raise Refused(_answer(400, "report_id bir tam sayı olmalıdır."))
        attachment = _attachment(file)
        for _, text in pairs:
            if not isinstance(text, str) or (not text.strip() and attachment is None):
                raise Refused(_answer(400, "message alanı zorunludur."))
        options: dict[str, object] = {"send_speed": int(speed), "reg_id": device.reg_id}
        if report_id is not None:
            options["report_id"] = str(report_id)
        for to, text in pairs:
            self.take(
                call,
                channel="whatsapp",
                to=to,
                sender=device.number or "",
                text=text,
                message_id="" if report_id is None else str(report_id),
                attachment=attachment,
                options=options,
            )
        return _answer(200, SENT)

    async def profile_picture(self, call: Call) -> Answer:
        """Tell where the device's picture is."""
        self._linked(self._read(call)[0])
        return _answer(200, "İşlem başarılı", data={"image": PICTURE})

    async def logout(self, call: Call) -> Answer:
        """Unlink a device."""
        device = self._linked(self._read(call)[0])
        self.devices.log_out(device.reg_id)
        self._changed(device)
        return _answer(200, "Cihazdan çıkış yapıldı")

    async def list_devices(self, call: Call) -> Answer:
        """List the linked devices."""
        self._authenticate(call)
        data = [
            {
                "reg_id": device.reg_id,
                "sender": (device.number or "").removeprefix("+"),
                "platform": device.platform,
                "user_name": device.user_name,
                "profile_picture": PICTURE,
                "created_at": _laravel(device.linked_at),
            }
            for device in self.devices.all()
            if device.linked_at is not None and not device.logged_out
        ]
        return _answer(200, "Bağlı cihazlarınız listelendi!", data=data)

    def callback(self, message: Message) -> tuple[dict[str, object], dict[str, str]]:
        """Return the report's payload and headers for a message that is final: every value is a string."""
        state, begun = message.timeline(self.store.clock())[-1]
        moment = datetime.fromtimestamp(begun, UTC).astimezone(ISTANBUL)
        payload: dict[str, object] = {
            "callback_data": str(message.options.get("report_id", "")),
            "status": "1" if state == "delivered" else "2",
            "phone": message.to.removeprefix("+"),
            "content": message.text,
            "send_time": moment.strftime("%Y-%m-%d %H:%M:%S +0300 +03"),  # what Go's time.String prints
        }
        headers = {
            "client-id": self.account.client_id.get_secret_value(),
            "client-secret": self.account.client_secret.get_secret_value(),
        }
        return payload, headers

    def failure(self, status: int, allow: tuple[str, ...] = ()) -> Answer:
        """Answer with a bare status in the envelope."""
        answer = _answer(
            status, {404: "Sayfa bulunamadı.", 405: "Bu metod desteklenmiyor."}.get(status, "Hata")
        )
        return Answer(answer.status, answer.body, headers=(("Allow", ", ".join(allow)),) if allow else ())

    def _authenticate(self, call: Call) -> None:
        for name, expected in (
            ("client-id", self.account.client_id),
            ("client-secret", self.account.client_secret),
        ):
            given = call.headers.get(name, "")
            if not secrets.compare_digest(given.encode(), expected.get_secret_value().encode()):
                raise Refused(_answer(401, "client-id veya client-secret hatalı."))

    def _read(self, call: Call) -> tuple[Mapping[str, Any], FilePart | None]:
        """Return the fields and the file; a file can come as multipart only, the rest as JSON too."""
        self._authenticate(call)
        if call.media_type == "multipart/form-data":
            try:
                fields, files = fields_and_files(call.headers["content-type"], call.body)
            except Malformed as exc:
                raise Refused(_answer(400, "İstek gövdesi okunamadı.")) from exc
            if set(files) - {"attachment"}:
                raise Refused(_answer(400, "Dosya attachment alanında gönderilmelidir."))
            return fields, files.get("attachment")
        payload = call.json_object()
        if payload is None:
            raise Refused(_answer(400, "İstek gövdesi okunamadı."))
        return payload, None

    def _device(self, fields: Mapping[str, Any]) -> Device:
        reg_id = fields.get("reg_id")
        # BigInteger in some tables of the document, String in others.
        if isinstance(reg_id, bool) or not isinstance(reg_id, str | int) or not WHOLE.fullmatch(str(reg_id)):
            raise Refused(_answer(400, "reg_id alanı zorunludur."))
        device = self.devices.get(str(reg_id))
        if device is None:
            raise Refused(_answer(404, "Cihaz bulunamadı."))
        return device

    def _linked(self, fields: Mapping[str, Any]) -> Device:
        device = self._device(fields)
        if self.devices.linked(device.reg_id) is None:
            raise Refused(_answer(400, "Cihaz bağlı değil."))
        return device

    def _changed(self, device: Device) -> None:
        self.store.on_change({"kind": "device", "vendor": self.key, "id": device.reg_id})


def _answer(
    code: int, description: str, *, data: object = None, beside: Mapping[str, object] | None = None
) -> Answer:
    envelope: dict[str, object] = {
        "code": code,
        "status": "success" if code == 200 else "error",
        "description": description,
    }
    if data is not None:
        envelope["data"] = data
    return Answer.of_json(code, {**envelope, **(beside or {})})


def _attachment(file: FilePart | None) -> Attachment | None:
    if file is None:
        return None
    if file.name.rpartition(".")[2].lower() not in FILE_TYPES or "." not in file.name:
        raise Refused(
            _answer(400, "Kabul edilen dosya türleri: pdf, doc, docx, ppt, pptx, xls, xlsx, jpeg, jpg, png")
        )
    if not file.content:
        raise Refused(_answer(400, "Dosya boş olamaz."))
    digest = hashlib.sha256(file.content).hexdigest()
    return Attachment(file.name, file.media_type, len(file.content), digest)


def _laravel(moment: float) -> str:
    """Write a moment as Laravel does, with six digits after the second."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
