"""Options that several commands share, and how their values are read."""

# ruff: noqa: PLC0415 - `ulak --help` need not wait for what reads numbers

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from airflow_provider.cli import output
from airflow_provider.cli.exits import Code, stop

__all__ = [
    "AsJson",
    "Conn",
    "Full",
    "Key",
    "Wanted",
    "WhatsAppConn",
    "addresses",
    "numbers",
    "one_number",
    "read_text",
]


def _filled(value: str | None) -> str | None:
    # Most often a shell variable that is not set; an empty key would be one key for everything.
    if value is not None and not value.strip():
        raise typer.BadParameter("it is empty.")
    return value


Conn = Annotated[
    str, typer.Option("--conn", metavar="ID", help="Airflow connection of the vendor.", callback=_filled)
]
WhatsAppConn = Annotated[
    str, typer.Option("--conn", metavar="ID", help="Airflow connection of VatanSMS.", callback=_filled)
]
Key = Annotated[
    str | None,
    typer.Option(
        "--key",
        metavar="KEY",
        help="Name of this message: under one key a recipient gets it once. A new message when left out.",
        callback=_filled,
    ),
]
# The empty metavars keep typer from writing <bool> beside a switch.
Full = Annotated[bool, typer.Option("--full", metavar="", help="Show numbers and addresses in full.")]
AsJson = Annotated[bool, typer.Option("--json", metavar="", help="Print JSON.")]
Wanted = Annotated[
    str,
    typer.Argument(
        metavar="KEY|MESSAGE_ID",
        help="A key as it was given, the first 8 or more characters of its digest, or the vendor's id.",
        callback=_filled,
        show_default=False,
    ),
]


def numbers(values: Iterable[str]) -> tuple[str, ...]:
    """Return numbers in E.164, and warn of those that nobody seems to have.

    Raises:
        InvalidMessage: One of them is no number.
    """
    from airflow_provider.engine import phone
    from airflow_provider.engine.redaction import mask

    found = []
    for value in addresses(values):
        number = phone.parse(value)
        if not number.valid and number.e164 not in found:
            output.warn(
                f"{mask(number.e164)} is in no range of numbers known to be in use. It is tried all the same."
            )
        found.append(number.e164)
    return tuple(found)


def one_number(values: Iterable[str]) -> tuple[str, ...]:
    """Return the one number of a one-time code."""
    found = numbers(values)
    if len(found) != 1:
        stop(Code.INVALID, "A one-time code goes to one number; give one --to.")
    return found


def addresses(values: Iterable[str]) -> tuple[str, ...]:
    """Return what stands in repeated options, in each of which several may stand with commas between."""
    found = []
    for value in values:
        parts = [part.strip() for part in value.split(",") if part.strip()]
        if not parts:
            stop(Code.INVALID, "A recipient is empty. Give a number or an address, or leave its option out.")
        found += parts
    return tuple(found)


def read_text(text: str | None, file: str | None, *, option: str = "--text") -> str | None:
    """Return the text given, or that of the file (``-`` is stdin) without the line break at its end."""
    if text is not None and file is not None:
        stop(Code.INVALID, f"{option} and {option}-file are both given; use one of them.")
    if file is None:
        return text
    try:
        content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        found = content.decode("utf-8-sig")
    except OSError as error:
        stop(
            Code.INVALID,
            f"The file of {option}-file cannot be read: {error.strerror or type(error).__name__}.",
        )
    except UnicodeDecodeError as error:
        stop(
            Code.INVALID,
            f"The text of {option}-file is not UTF-8 (byte {error.start + 1} is not). Save it as UTF-8 and try again.",
        )
    return found.removesuffix("\n").removesuffix("\r")
