"""WhatsApp devices of the VatanSMS stand-in: shown a code, scanned within thirty seconds, then linked."""

from __future__ import annotations

import base64
import secrets
import string
from dataclasses import dataclass, replace
from typing import Literal

from airflow_provider.sandbox.store import Clock, iso

LINKED_REG_ID = "2953401050"  # linked from the start: the one of the document's device list
LINKED_NUMBER = "+905550000000"
CODE_LETTERS = string.ascii_uppercase + string.digits


class CannotScan(Exception):
    """A code cannot be scanned; says why."""


@dataclass(slots=True)
class Device:
    """A WhatsApp account that is, was or might become linked."""

    reg_id: str
    kind: Literal["phone", "qr"]
    code: str
    """What the person types in, or what the QR holds."""
    created_at: float
    expires_at: float
    number: str | None = None
    """E.164; known from the start when pairing by phone."""
    user_name: str = "Ulak Sandbox"
    platform: str = "android"
    linked_at: float | None = None
    logged_out: bool = False

    def state(self, now: float) -> str:
        """Return waiting, expired, linked or logged_out."""
        if self.logged_out:
            return "logged_out"
        if self.linked_at is not None:
            return "linked"
        return "waiting" if now < self.expires_at else "expired"


class Devices:
    """All devices of the account."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        now = clock()
        linked = Device(LINKED_REG_ID, "qr", _qr(), now, now, number=LINKED_NUMBER, linked_at=now)
        self._devices = {linked.reg_id: linked}

    def all(self) -> list[Device]:
        """Return every device, oldest first."""
        return list(self._devices.values())

    def get(self, reg_id: str) -> Device | None:
        """Return the device with this id."""
        return self._devices.get(reg_id)

    def linked(self, reg_id: str) -> Device | None:
        """Return the device if it is linked now."""
        device = self._devices.get(reg_id)
        return device if device is not None and device.state(self._clock()) == "linked" else None

    def show_code(self, *, lifetime: float, phone: str | None = None) -> Device:
        """Begin a pairing: by phone with a code to type in there, otherwise with a QR."""
        code = _pairing_code() if phone is not None else _qr()
        now = self._clock()
        reg_id = str(1_000_000_000 + secrets.randbelow(9_000_000_000))
        kind: Literal["phone", "qr"] = "qr" if phone is None else "phone"
        device = Device(reg_id, kind, code, now, now + lifetime, number=phone)
        self._devices[reg_id] = device
        return device

    def scan(self, reg_id: str, *, number: str | None = None) -> Device:
        """Link a device, as its owner's phone would.

        Raises:
            KeyError: there is no such device.
            CannotScan: its code has expired, or it was logged out.
        """
        device, now = self._devices[reg_id], self._clock()
        state = device.state(now)
        if state == "expired":
            raise CannotScan(
                f"The code of device {reg_id} expired at {iso(device.expires_at)}; log in again for a fresh one."
            )
        if state == "logged_out":
            raise CannotScan(f"Device {reg_id} was logged out; log in again for a fresh code.")
        if state == "waiting":
            device.number = device.number or number or f"+90555{secrets.randbelow(10**7):07}"
            device.linked_at = now
        return replace(device)

    def log_out(self, reg_id: str) -> None:
        """Unlink a device."""
        self._devices[reg_id].logged_out = True


def _pairing_code() -> str:
    letters = "".join(secrets.choice(CODE_LETTERS) for _ in range(8))
    return f"{letters[:4]}-{letters[4:]}"


def _qr() -> str:
    """Return a reference and three keys, as WhatsApp's own QR holds them."""
    reference, *keys = (base64.b64encode(secrets.token_bytes(size)).decode() for size in (60, 32, 32, 32))
    return ",".join([f"2@{reference}", *keys])
