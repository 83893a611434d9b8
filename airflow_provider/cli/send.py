"""`ulak send`: one message to one or more recipients."""

# ruff: noqa: PLC0415 - `ulak --help` need not wait for what makes messages

from __future__ import annotations

import mimetypes
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from airflow_provider.cli.delivery import Delivery
from airflow_provider.cli.exits import CODES, Code, stop
from airflow_provider.cli.options import (
    AsJson,
    Conn,
    Full,
    Key,
    addresses,
    numbers,
    one_number,
    read_text,
)

if TYPE_CHECKING:
    from airflow_provider.engine.messages import Attachment

__all__ = ["app"]

app = typer.Typer(
    no_args_is_help=True, help="Send a message; under one key a recipient gets it once.", epilog=CODES
)

Numbers = Annotated[
    list[str],
    typer.Option(
        "--to", metavar="NUMBER", help="Repeat it, or put commas between. 0532... is Turkish, others need +."
    ),
]
Text = Annotated[str | None, typer.Option("--text", metavar="TEXT", help="What they read.")]
TextFile = Annotated[
    str | None, typer.Option("--text-file", metavar="FILE", help="The text in a UTF-8 file; - is stdin.")
]
Sender = Annotated[
    str | None, typer.Option("--sender", metavar="SENDER", help="Sender id; the connection's when left out.")
]

_LANGUAGES: dict[str, Literal[0, 1, 2]] = {"en": 0, "tr": 1, "ar": 2, "0": 0, "1": 1, "2": 2}


@app.command(epilog=CODES)
def sms(
    conn: Conn,
    to: Numbers,
    text: Text = None,
    text_file: TextFile = None,
    sender: Sender = None,
    key: Key = None,
    full: Full = False,
    as_json: AsJson = False,
) -> None:
    """Send a text message."""
    from airflow_provider.engine.messages import Sms

    body = _required(read_text(text, text_file))
    message = Sms(to=numbers(to), text=body, sender=sender)
    Delivery(conn, "send_sms", message, key=key, full=full, as_json=as_json).run()


@app.command(epilog=CODES)
def otp(
    conn: Conn,
    to: Annotated[list[str], typer.Option("--to", metavar="NUMBER", help="One number.")],
    text: Annotated[
        str | None,
        typer.Option("--text", metavar="TEXT", help="A text of your own with TS_CODE where the code goes."),
    ] = None,
    text_file: TextFile = None,
    sender: Sender = None,
    digits: Annotated[int, typer.Option(min=4, max=6, metavar="N", help="Length of the code, 4 to 6.")] = 6,
    language: Annotated[
        str, typer.Option(metavar="LANGUAGE", help="en, tr or ar; or the vendor's 0, 1 or 2.")
    ] = "tr",
    reveal_code: Annotated[
        bool, typer.Option("--reveal-code", metavar="", help="Print the code; it is kept nowhere.")
    ] = False,
    key: Key = None,
    full: Full = False,
    as_json: AsJson = False,
) -> None:
    """Have the vendor make and send a one-time code."""
    from airflow_provider.engine.messages import Otp

    chosen = _LANGUAGES.get(language.lower())
    if chosen is None:
        stop(Code.INVALID, f"The language {language!r} is none of en, tr and ar.")
    message = Otp(
        to=one_number(to), digits=digits, language=chosen, text=read_text(text, text_file), sender=sender
    )
    Delivery(conn, "send_otp", message, key=key, full=full, as_json=as_json, reveal_code=reveal_code).run()


@app.command(epilog=CODES)
def email(
    conn: Conn,
    to: Annotated[
        list[str], typer.Option("--to", metavar="ADDRESS", help="Repeat it, or put commas between.")
    ],
    subject: Annotated[str, typer.Option("--subject", metavar="LINE")],
    text: Annotated[str | None, typer.Option("--text", metavar="TEXT", help="The plain part.")] = None,
    text_file: TextFile = None,
    html: Annotated[
        str | None,
        typer.Option("--html", metavar="HTML", help="The HTML part, beside or without the plain one."),
    ] = None,
    html_file: Annotated[
        str | None,
        typer.Option("--html-file", metavar="FILE", help="The HTML part in a UTF-8 file; - is stdin."),
    ] = None,
    sender: Annotated[
        str | None,
        typer.Option("--from", "--sender", metavar="ADDRESS", help="From; the connection's when left out."),
    ] = None,
    cc: Annotated[list[str] | None, typer.Option("--cc", metavar="ADDRESS")] = None,
    bcc: Annotated[list[str] | None, typer.Option("--bcc", metavar="ADDRESS")] = None,
    reply_to: Annotated[list[str] | None, typer.Option("--reply-to", metavar="ADDRESS")] = None,
    key: Key = None,
    full: Full = False,
    as_json: AsJson = False,
) -> None:
    """Send an e-mail with a plain part, an HTML part or both."""
    from airflow_provider.engine.messages import Email

    if text_file == "-" and html_file == "-":
        stop(Code.INVALID, "--text-file and --html-file cannot both be stdin.")
    plain, rich = read_text(text, text_file), read_text(html, html_file, option="--html")
    if plain is None and rich is None:
        stop(Code.INVALID, "There is no text: give --text, --text-file, --html or --html-file.")
    message = Email(
        to=addresses(to),
        subject=subject,
        text=plain,
        html=rich,
        sender=sender,
        cc=addresses(cc or ()),
        bcc=addresses(bcc or ()),
        reply_to=addresses(reply_to or ()),
    )
    Delivery(conn, "send_email", message, key=key, full=full, as_json=as_json).run()


@app.command(epilog=CODES)
def whatsapp(
    conn: Conn,
    to: Numbers,
    text: Text = None,
    text_file: TextFile = None,
    device: Annotated[
        str | None,
        typer.Option(
            "--device",
            "--sender",
            metavar="REG_ID",
            help="Device that sends; the connection's when left out.",
        ),
    ] = None,
    attach: Annotated[
        Path | None,
        typer.Option("--attach", metavar="FILE", help="One file: pdf, doc(x), ppt(x), xls(x), jpg or png."),
    ] = None,
    speed: Annotated[
        int | None, typer.Option("--speed", min=1, max=4, metavar="N", help="1 (fastest) to 4 (slowest).")
    ] = None,
    key: Key = None,
    full: Full = False,
    as_json: AsJson = False,
) -> None:
    """Send a WhatsApp message through a linked device."""
    from airflow_provider.engine.messages import WhatsApp

    message = WhatsApp(
        to=numbers(to),
        text=_required(read_text(text, text_file)),
        attachment=None if attach is None else _attachment(attach),
        device=device,
        speed=speed,
    )
    Delivery(conn, "send_whatsapp", message, key=key, full=full, as_json=as_json).run()


def _required(text: str | None) -> str:
    if text is None:
        stop(Code.INVALID, "There is no text: give --text or --text-file.")
    return text


def _attachment(path: Path) -> Attachment:
    from airflow_provider.engine.messages import Attachment

    try:
        content = path.read_bytes()
    except OSError as error:
        stop(
            Code.INVALID,
            f"The attachment {path.name!r} cannot be read: {error.strerror or type(error).__name__}.",
        )
    media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return Attachment(name=path.name, media_type=media_type, content=content)
