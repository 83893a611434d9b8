"""Send WhatsApp messages and link the devices that send them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import segno
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider.engine.errors import InvalidMessage
from airflow_provider.engine.exchange import Link, Pairing, as_json
from airflow_provider.engine.messages import Attachment, WhatsApp
from airflow_provider.engine.redaction import mask
from airflow_provider.hooks.base import MessagingHook, Recipients, numbers
from airflow_provider.operators.base import MessagingOperator, WriteOperator, read_attachment

__all__ = [
    "ListDevicesOperator",
    "ProfilePictureOperator",
    "SendWhatsAppOperator",
    "WhatsAppLoginOperator",
    "WhatsAppLogoutOperator",
]


class SendWhatsAppOperator(WriteOperator):
    """Send WhatsApp messages through a linked device; returns a receipt for each.

    One text to one or many: ``to`` and ``text`` or ``template``. Many texts to many: ``messages``, a list of
    ``{"to": ..., "text": ...}``, sent many in one request.

    :param to: A number, or a list of them.
    :param messages: In place of them.
    :param attachment: Path of a file, local or object storage: pdf, doc(x), ppt(x), xls(x), jpg, png.
    :param device: The device's ``reg_id``; the connection's by default.
    :param speed: 1 (fastest) to 4 (slowest).
    """

    template_fields: Sequence[str] = (
        *WriteOperator.template_fields,
        "to",
        "messages",
        "attachment",
        "device",
    )
    private_fields: ClassVar[tuple[str, ...]] = ("to", "messages")

    def __init__(
        self,
        *,
        to: Recipients | None = None,
        messages: Sequence[Mapping[str, str]] | None = None,
        attachment: str | None = None,
        device: str | None = None,
        speed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.to = to
        self.messages = messages
        self.attachment = attachment
        self.device = device
        self.speed = speed

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Send, and return the receipts."""
        operation = "send_whatsapp" if self.private("messages") is None else "send_whatsapp_each"
        return self.as_xcom(self.send(context, operation, self._compose))

    def _compose(self, _hook: MessagingHook) -> list[WhatsApp]:
        to, messages = self.private("to"), self.private("messages")
        attachment = None if self.attachment is None else read_attachment(self.attachment)
        if messages is None:
            if to is None:
                raise InvalidMessage("The task has neither `to` nor `messages`.")
            return [self._message(to, self.written("whatsapp"), attachment)]
        if (to, self.text, self.template) != (None, None, None):
            raise InvalidMessage(
                "The task has `messages` beside `to`, `text` or `template`; use one of the two forms."
            )
        try:
            return [self._message(message["to"], message["text"], attachment) for message in messages]
        except (KeyError, TypeError):
            raise InvalidMessage('Each of `messages` must look like {"to": ..., "text": ...}.') from None

    def _message(self, to: Recipients, text: str, attachment: Attachment | None) -> WhatsApp:
        return WhatsApp(
            to=numbers(to), text=str(text), attachment=attachment, device=self.device, speed=self.speed
        )


class WhatsAppLoginOperator(MessagingOperator):
    """Link a WhatsApp account, asking for a fresh QR or code until it is linked or time is up.

    The QR goes into a file and the pairing code too; neither ever into a log or XCom.

    :param method: ``qr``, or ``phone`` for a code that is typed on the phone.
    :param phone: The account's number, for ``phone``.
    :param save_to: File for the QR as PNG, or for the code as text. Rewritten with each fresh one, removed at the end.
    :param timeout: Seconds to keep trying.
    """

    template_fields: Sequence[str] = (*MessagingOperator.template_fields, "phone", "save_to")
    private_fields: ClassVar[tuple[str, ...]] = ("phone",)

    def __init__(
        self,
        *,
        save_to: str,
        method: Literal["qr", "phone"] = "qr",
        phone: str | None = None,
        timeout: float = 300.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.save_to = save_to
        self.method = method
        self.phone = phone
        self.timeout = timeout

    def execute(self, context: Context) -> dict[str, Any]:
        """Ask for QRs or codes until the device is linked, and return what is known of it."""
        place = Path(self.save_to)
        end = time.monotonic() + self.timeout
        try:
            while time.monotonic() < end:
                pairing = self.ask(context, self._begin)
                _write_private(place, pairing)
                self.log.info("A fresh %s is in %s for %d s.", self.method, place, pairing.expires_in)
                device = pairing.device
                link: Link = self.ask(context, lambda hook, device=device: hook.check_login(device))  # type: ignore[misc]
                if link.connected:
                    self.log.info("Device %s is linked.", device)
                    return {"device": device, "message": link.message}
        finally:
            place.unlink(missing_ok=True)
        raise AirflowFailException(
            f"Nobody linked the WhatsApp account within {self.timeout:.0f} s."
            " Run the task again when the phone is at hand."
        )

    def _begin(self, hook: MessagingHook) -> Pairing:
        if self.method == "qr":
            return hook.login_qr()
        number = self.private("phone")
        if not number:
            raise InvalidMessage("A login by phone needs `phone`.")
        return hook.login_phone(number)


def _write_private(place: Path, pairing: Pairing) -> None:
    # Whoever reads the code or scans the QR owns the account's messages: only the task's user may.
    place.parent.mkdir(parents=True, exist_ok=True)
    aside = place.with_name(place.name + ".new")
    aside.touch(mode=0o600)
    if pairing.qr is not None:
        segno.make(pairing.qr.get_secret_value()).save(str(aside), kind="png", scale=6, border=4)
    elif pairing.code is not None:
        aside.write_text(pairing.code.get_secret_value() + "\n", encoding="utf-8")
    aside.replace(place)


class WhatsAppLogoutOperator(MessagingOperator):
    """Unlink a device.

    :param device: Its ``reg_id``; the connection's by default.
    """

    template_fields: Sequence[str] = (*MessagingOperator.template_fields, "device")

    def __init__(self, *, device: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.device = device

    def execute(self, context: Context) -> None:
        """Unlink it."""
        self.ask(context, lambda hook: hook.logout(self.device))


class ListDevicesOperator(MessagingOperator):
    """List the linked devices, numbers masked."""

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Ask, and return the devices."""
        devices = as_json(self.ask(context, lambda hook: hook.devices()))
        return [{**device, "number": device["number"] and mask(device["number"])} for device in devices]


class ProfilePictureOperator(MessagingOperator):
    """Ask where a device's profile picture is.

    :param device: Its ``reg_id``; the connection's by default.
    """

    template_fields: Sequence[str] = (*MessagingOperator.template_fields, "device")

    def __init__(self, *, device: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.device = device

    def execute(self, context: Context) -> dict[str, Any]:
        """Ask, and return the address."""
        return dict(as_json(self.ask(context, lambda hook: hook.profile_picture(self.device))))
