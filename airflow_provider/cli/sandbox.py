"""`ulak sandbox`: the vendors' stand-ins on this machine, and the connections that point at them."""

# ruff: noqa: PLC0415 - the sandbox brings a web server along

from __future__ import annotations

import sys
from typing import Annotated

import typer

__all__ = ["app"]

_PORT = 8025

app = typer.Typer(help="Run local stand-ins of the vendors, with an inbox in the browser.")


@app.callback(invoke_without_command=True)
def sandbox(
    ctx: typer.Context,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Where to listen; this machine alone by default.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, metavar="N", help="0 takes a free one.")] = _PORT,
) -> None:
    """Run local stand-ins of the vendors, with an inbox in the browser, until Ctrl-C."""
    if ctx.invoked_subcommand is None:
        from airflow_provider.sandbox.server import serve

        serve(host, port)


@app.command()
def env(
    ctx: typer.Context,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, metavar="N", help="Where it listens. 8025 by default.")
    ] = None,
) -> None:
    """Print the shell lines that make the sandbox's connections known to Airflow."""
    from airflow_provider.sandbox.connections import export_lines

    # `ulak sandbox --port 9000 env` means the same as `ulak sandbox env --port 9000`.
    outer = ctx.parent.params["port"] if ctx.parent is not None else _PORT
    for line in export_lines(f"http://127.0.0.1:{port or outer}"):
        sys.stdout.write(f"{line}\n")
