"""`ulak whatsapp`: the devices that send."""

from __future__ import annotations

import io
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from airflow_provider.cli import backstage, output
from airflow_provider.cli.exits import Code, stop
from airflow_provider.cli.options import AsJson, Full, WhatsAppConn
from airflow_provider.engine.redaction import mask

if TYPE_CHECKING:
    from airflow_provider.engine.exchange import Link, Pairing
    from airflow_provider.hooks.base import MessagingHook

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Link the WhatsApp accounts that send, and look after them.")

_CONN = "vatansms_default"
_PACE = 3.0  # seconds between two codes, should the vendor answer "not yet" at once

Device = Annotated[
    str | None, typer.Option("--device", metavar="REG_ID", help="The connection's when left out.")
]


@app.command()
def login(
    conn: WhatsAppConn = _CONN,
    phone: Annotated[
        str | None,
        typer.Option(
            "--phone", metavar="NUMBER", help="Link by a code that is typed on this phone, not by QR."
        ),
    ] = None,
    save: Annotated[
        Path | None,
        typer.Option(
            "--save", metavar="FILE", help="Write the QR as PNG while it is good, instead of drawing it."
        ),
    ] = None,
    timeout: Annotated[
        float, typer.Option("--timeout", min=1, metavar="SECONDS", help="How long to keep trying.")
    ] = 300,
    as_json: AsJson = False,
) -> None:
    """Link a WhatsApp account, with a fresh QR or code each time until it is linked."""
    if phone and save:
        stop(Code.INVALID, "--save is for a QR, and with --phone there is none.")
    with backstage.airflow():
        link = _link(backstage.open_hook(conn), phone, save, timeout)
    if link is None:
        stop(
            Code.NOT_SENT,
            f"Nobody linked the WhatsApp account within {timeout:g} s. Try again with the phone at hand.",
        )
    if as_json:
        output.print_json(_shown(link, full=False))
        return
    output.console().print(f"Device {link.device} is linked.")
    output.note(f'Send through it with --device {link.device}, or set "reg_id" in the extra of {conn}.')


@app.command()
def check(
    conn: WhatsAppConn = _CONN, device: Device = None, full: Full = False, as_json: AsJson = False
) -> None:
    """Ask whether a device is still linked; ends with 3 when it is not."""
    with backstage.airflow():
        link = backstage.open_hook(conn).check_active(device)
    if as_json:
        output.print_json(_shown(link, full=full))
    elif link.connected:
        known = [link.number and (link.number if full else mask(link.number)), link.platform, link.user_name]
        more = ", ".join(word for word in known if word)
        output.console().print(f"Device {link.device} is linked{f': {more}' if more else ''}.")
    if not link.connected:
        stop(Code.REJECTED, f"Device {link.device} is not linked. Link it with `ulak whatsapp login`.")


@app.command()
def devices(conn: WhatsAppConn = _CONN, full: Full = False, as_json: AsJson = False) -> None:
    """List the linked devices."""
    with backstage.airflow():
        found = backstage.open_hook(conn).devices()
    if as_json:
        output.print_json([_shown(device, full=full) for device in found])
        return
    if not found:
        output.note("No device is linked.")
        return
    table = output.table("device", "number", "platform", "user", "since")
    for device in found:
        number = "-" if device.number is None else device.number if full else mask(device.number)
        since = "-" if device.created_at is None else output.when(device.created_at.timestamp())
        table.add_row(device.device, number, device.platform or "-", device.user_name or "-", since)
    output.console().print(table)


@app.command()
def logout(conn: WhatsAppConn = _CONN, device: Device = None) -> None:
    """Unlink a device."""
    with backstage.airflow():
        hook = backstage.open_hook(conn)
        hook.logout(device)
        chosen = hook.device(device)
    output.console().print(f"Device {chosen} is unlinked.")


@app.command()
def picture(conn: WhatsAppConn = _CONN, device: Device = None, as_json: AsJson = False) -> None:
    """Print the address of a device's profile picture."""
    with backstage.airflow():
        found = backstage.open_hook(conn).profile_picture(device)
    if as_json:
        output.print_json({"url": found.url})
    else:
        output.console().print(found.url, soft_wrap=True)


def _link(hook: MessagingHook, phone: str | None, save: Path | None, timeout: float) -> Link | None:
    """Ask for one QR or code after another until the device is linked; None when time was up."""
    ends = time.monotonic() + timeout
    written = False
    try:
        while (began := time.monotonic()) < ends:
            pairing = hook.login_phone(phone) if phone else hook.login_qr()
            written = save is not None
            _show(pairing, save)
            link = hook.check_login(pairing.device)
            if link.connected:
                return link
            time.sleep(max(0.0, min(began + _PACE, ends) - time.monotonic()))
    finally:
        if save is not None and written:
            save.unlink(missing_ok=True)
    return None


def _show(pairing: Pairing, save: Path | None) -> None:
    """Show a QR or a code to the person who asked; on stderr, since it is not the command's answer."""
    console = output.console(sys.stderr)
    good = f"good for {pairing.expires_in} s"
    if pairing.code is not None:
        console.print(
            f"Type this code in WhatsApp, under Linked devices ({good}): {pairing.code.get_secret_value()}"
        )
    if pairing.qr is None:
        return
    import segno  # noqa: PLC0415  # only here

    qr = segno.make_qr(pairing.qr.get_secret_value())
    if save is not None:
        _write_private(save, qr)
        console.print(
            f"A fresh QR is in {save} ({good}). Scan it in WhatsApp, under Linked devices.", soft_wrap=True
        )
        return
    drawing = io.StringIO()
    qr.terminal(drawing, border=2, compact=True)
    console.print(f"Scan this in WhatsApp, under Linked devices ({good}).")
    # In its own colours: drawn in those of a light terminal it would be a negative, which phones do not read.
    for line in drawing.getvalue().splitlines():
        console.print(Text(line, style="#ffffff on #000000"), soft_wrap=True)


def _write_private(path: Path, qr: Any) -> None:
    # Whoever scans it owns the account's messages: only this user may read it, and a reader finds it whole.
    aside = path.with_name(f".{path.name}.new")
    try:
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            qr.save(file, kind="png", scale=6, border=4)
        aside.replace(path)
    except OSError as error:
        stop(
            Code.INVALID,
            f"The QR cannot be written to {path.name!r}: {error.strerror or type(error).__name__}.",
        )


def _shown(result: object, *, full: bool) -> dict[str, Any]:
    from airflow_provider.engine.exchange import as_json  # noqa: PLC0415  # brings an HTTP client along

    values: dict[str, Any] = as_json(result)
    if not full:
        values.pop("j_id", None)  # it begins with the number
        values["number"] = values["number"] and mask(values["number"])
    return values
