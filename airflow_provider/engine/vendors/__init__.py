"""The registry: which vendors there are, as text.

Airflow reads it (through provider info) during its own import, so it is stdlib only and names classes by path.
A new vendor is one entry here, one module beside this one, one hook class and one stand-in in the sandbox.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from airflow_provider.engine.vendors.base import Vendor

__all__ = ["COMMON_EXTRAS", "VENDORS", "Entry", "Extra", "load", "vendors_with"]


@dataclass(frozen=True, slots=True)
class Extra:
    """A field of the connection form that is kept in the connection's extra.

    ``kind`` is the JSON type; ``json`` is an object written as text in the form.
    """

    name: str
    label: str
    description: str
    kind: Literal["string", "integer", "number", "boolean", "json"] = "string"
    choices: tuple[str | int, ...] = ()
    secret: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """A vendor as the registry knows it.

    Attributes:
        key: Its key, which is also Airflow's connection type.
        title: Its name.
        vendor_class: Path of the class that speaks its API.
        hook_class: Path of its Airflow hook.
        seed: File name of the API document that it implements.
        base_url: Where its API lives; empty when it is not public and the connection must say it.
        secret_label: What the vendor calls its secret.
        login_label: What it calls the public half of the credentials; empty when there is none.
        extras: Its own fields of the connection.
        notice: A warning that is shown wherever a person chooses this vendor.
    """

    key: str
    title: str
    vendor_class: str
    hook_class: str
    seed: str
    base_url: str
    secret_label: str
    login_label: str = ""
    extras: tuple[Extra, ...] = field(default=())
    notice: str = ""


COMMON_EXTRAS = (
    Extra("sender", "Sender", "Sender id (başlık) or From address used when a message names none."),
    Extra(
        "connect_timeout",
        "Connect timeout",
        "Seconds until the connection must stand. 5 by default.",
        "number",
    ),
    Extra("read_timeout", "Read timeout", "Seconds that the vendor may be silent. 25 by default.", "number"),
    Extra("deadline", "Deadline", "Seconds for one request as a whole. 30 by default.", "number"),
    Extra("proxy", "Proxy", "URL of an HTTP proxy for this connection.", secret=True),
    Extra("ca_file", "CA file", "Path of a CA bundle; the system's own when empty."),
)

_HOOKS = "airflow_provider.hooks"
_VENDORS = "airflow_provider.engine.vendors"

VENDORS: Mapping[str, Entry] = {
    entry.key: entry
    for entry in (
        Entry(
            key="turkeysms",
            title="TurkeySMS",
            vendor_class=f"{_VENDORS}.turkeysms.TurkeySms",
            hook_class=f"{_HOOKS}.turkeysms.TurkeySmsHook",
            seed="001_89b4df27c045ecf2.txt",
            base_url="https://www.turkeysms.com.tr",
            secret_label="API key",
            extras=(
                Extra(
                    "content_type",
                    "Content type",
                    "0 transactional, 1 high quality, 2 advertising. 0 by default.",
                    "integer",
                    (0, 1, 2),
                ),
                Extra(
                    "use_get",
                    "Send by GET",
                    "Puts key and text into the URL, which proxies may log and repeat. Off by default.",
                    "boolean",
                ),
                Extra(
                    "use_multi",
                    "Many recipients in one request",
                    "Uses gonder_coklu_gsm, whose answer is undocumented. Off by default.",
                    "boolean",
                ),
                Extra(
                    "use_otp_get",
                    "OTP by GET",
                    "The seed's way; the default is POST, which nothing repeats. Off by default.",
                    "boolean",
                ),
            ),
        ),
        Entry(
            key="basliklisms",
            title="BaslikliSMS",
            vendor_class=f"{_VENDORS}.basliklisms.BaslikliSms",
            hook_class=f"{_HOOKS}.basliklisms.BaslikliSmsHook",
            seed="000_b11aee7f3ab90066.txt",
            base_url="",
            secret_label="API key",
            extras=(
                Extra(
                    "profile",
                    "Contract profile",
                    "Paths and field names of the API as JSON; the vendor publishes none, so ask it for yours.",
                    "json",
                ),
            ),
            notice="BaslikliSMS publishes no paths: the connection needs a contract profile from the vendor.",
        ),
        Entry(
            key="bulutfon",
            title="Bulutfon",
            vendor_class=f"{_VENDORS}.bulutfon.Bulutfon",
            hook_class=f"{_HOOKS}.bulutfon.BulutfonHook",
            seed="002_f6f765771129b80e.txt",
            base_url="https://api.bulutfon.com",
            secret_label="Access token",
            notice="Legacy: Bulutfon ended its SMS service on 2020-12-31; only the sandbox still answers this API.",
        ),
        Entry(
            key="argepanel",
            title="Arge notification API",
            vendor_class=f"{_VENDORS}.argepanel.Argepanel",
            hook_class=f"{_HOOKS}.argepanel.ArgepanelHook",
            seed="003_16bce886d04cf347.txt",
            base_url="https://www.argerfnotificationapi.argepanel.com",
            secret_label="API key",
            login_label="Program key",
        ),
        Entry(
            key="vatansms",
            title="VatanSMS WhatsApp",
            vendor_class=f"{_VENDORS}.vatansms.VatanSms",
            hook_class=f"{_HOOKS}.vatansms.VatanSmsHook",
            seed="004_f359c583eb2db9e1.txt",
            base_url="https://api.vatansms.net/api/whatsapp/v1",
            secret_label="Client secret",
            login_label="Client id",
            extras=(
                Extra("reg_id", "Device (reg_id)", "The linked WhatsApp account that sends by default."),
                Extra(
                    "send_speed",
                    "Send speed",
                    "1 (fastest) to 4 (slowest). 1 by default.",
                    "integer",
                    (1, 2, 3, 4),
                ),
            ),
        ),
    )
}


def load(key: str) -> type[Vendor]:
    """Import and return a vendor's class.

    Raises:
        KeyError: No vendor has this key.
    """
    module, _, name = VENDORS[key].vendor_class.rpartition(".")
    vendor: type[Vendor] = getattr(importlib.import_module(module), name)
    return vendor


def vendors_with(operation: str) -> tuple[str, ...]:
    """Return the keys of the vendors that have an operation, by looking at their classes."""
    return tuple(key for key in VENDORS if callable(getattr(load(key), operation, None)))
