"""All commands as one application."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from airflow_provider import __version__
from airflow_provider.cli import ledger, sandbox, send, whatsapp
from airflow_provider.cli.balance import balance
from airflow_provider.cli.exits import Guarded
from airflow_provider.cli.status import status
from airflow_provider.cli.vendors import vendors

__all__ = ["app"]

app = typer.Typer(
    cls=Guarded,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"ulak {__version__}\n")
        raise typer.Exit


@app.callback()
def ulak(
    version: Annotated[
        bool,
        typer.Option(
            "--version", metavar="", help="Show the version.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Send SMS, e-mail and WhatsApp messages; nothing goes out twice."""


app.command()(vendors)
app.add_typer(sandbox.app, name="sandbox")
app.add_typer(send.app, name="send")
app.command()(status)
app.command()(balance)
app.add_typer(whatsapp.app, name="whatsapp")
app.add_typer(ledger.app, name="ledger")
