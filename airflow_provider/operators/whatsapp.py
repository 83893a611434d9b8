"""Send WhatsApp messages and link the devices that send them."""

from __future__ import annotations

import io
import os
import secrets
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider.engine.errors import ConfigurationError, InvalidMessage
from airflow_provider.engine.exchange import Link, Pairing, as_json
from airflow_provider.engine.messages import Attachment, WhatsApp
from airflow_provider.engine.redaction import mask
from airflow_provider.hooks.arguments import Recipients, numbers
from airflow_provider.hooks.base import MessagingHook
from airflow_provider.operators.base import MessagingOperator, WriteOperator, read_attachment

__all__ = [
    "ListDevicesOperator",
    "ProfilePictureOperator",
    "SendWhatsAppOperator",
    "WhatsAppLoginOperator",
    "WhatsAppLogoutOperator",
]


_PAUSE = 2.0
"""Seconds between two questions about a link."""


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
        if not messages:
            raise InvalidMessage("`messages` is empty, so there is nobody to send to.", advice="")
        if not all(
            isinstance(each, Mapping) and None not in (each.get("to"), each.get("text")) for each in messages
        ):
            raise InvalidMessage('Each of `messages` must look like {"to": ..., "text": ...}.', advice="")
        return [self._message(each["to"], str(each["text"]), attachment) for each in messages]

    def _message(self, to: Recipients, text: str, attachment: Attachment | None) -> WhatsApp:
        return WhatsApp(
            to=numbers(to), text=text, attachment=attachment, device=self.device, speed=self.speed
        )


class WhatsAppLoginOperator(MessagingOperator):
    """Link a WhatsApp account, asking for a fresh QR or code until it is linked or time is up.

    The QR goes into a file and the pairing code too; neither ever into a log or XCom.

    :param method: ``qr``, or ``phone`` for a code that is typed on the phone.
    :param phone: The account's number, for ``phone``.
    :param save_to: File for the QR as PNG, or for the code as text. Rewritten with each fresh one, removed at the end.
    :param timeout: Seconds to keep trying. The vendor's own wait of up to half a minute is not cut short.
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
        end = time.monotonic() + self.timeout
        try:
            while time.monotonic() < end:
                pairing = self.ask(context, self._show)
                self.log.info("A fresh %s is in %s for %d s.", self.method, self.save_to, pairing.expires_in)
                link = self._wait(context, pairing.device, min(end, time.monotonic() + pairing.expires_in))
                if link.connected:
                    self.log.info("Device %s is linked.", link.device)
                    return {"device": link.device, "message": link.message}
        finally:
            self.on_kill()
        raise AirflowFailException(
            f"Nobody linked the WhatsApp account within {self.timeout:.0f} s."
            " Run the task again when the phone is at hand."
        )

    def on_kill(self) -> None:
        """Take the QR or the code away."""
        Path(self.save_to).unlink(missing_ok=True)

    def _show(self, hook: MessagingHook) -> Pairing:
        method: str = self.method
        if method == "qr":
            pairing = hook.login_qr()
        elif method == "phone" and (number := self.private("phone")):
            pairing = hook.login_phone(number)
        else:
            raise InvalidMessage('A login needs method="qr", or method="phone" with `phone`.', advice="")
        _write_private(Path(self.save_to), _drawn(pairing))
        return pairing

    def _wait(self, context: Context, device: str, until: float) -> Link:
        while True:
            link = self.ask(context, lambda hook: hook.check_login(device))
            if link.connected or time.monotonic() + _PAUSE > until:
                return link
            # The vendor waits for half a minute by itself. If it does not, it is not to be flooded.
            time.sleep(_PAUSE)


def _drawn(pairing: Pairing) -> bytes:
    if pairing.qr is None:
        return b"" if pairing.code is None else f"{pairing.code.get_secret_value()}\n".encode()
    import segno  # noqa: PLC0415  # DAG files are parsed all day; a QR is drawn once in a while

    image = io.BytesIO()
    segno.make(pairing.qr.get_secret_value()).save(image, kind="png", scale=6, border=4)
    return image.getvalue()


def _write_private(place: Path, content: bytes) -> None:
    # Whoever reads the code or scans the QR owns the account's messages: only the task's user may. The file is
    # made anew under a name that nobody can have prepared, and put in place whole.
    aside = place.with_name(f".{place.name}.{secrets.token_hex(8)}")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
        aside.replace(place)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise ConfigurationError(
            f"{str(place)!r} cannot be written: {error.strerror or type(error).__name__}.",
            advice="Choose another `save_to`.",
        ) from None


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
