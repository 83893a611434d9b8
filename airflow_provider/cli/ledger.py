"""`ulak ledger`: the record of every send."""

from __future__ import annotations

import getpass
import os
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from airflow_provider.cli import backstage, output
from airflow_provider.cli.entries import as_json as entry_as_json
from airflow_provider.cli.entries import cost, print_details
from airflow_provider.cli.exits import Code, stop
from airflow_provider.cli.options import AsJson, Full, Wanted, numbers
from airflow_provider.engine.redaction import mask

if TYPE_CHECKING:
    from airflow_provider.engine.ledger.store import Entry, SqlLedger

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Look into the record of every send.")

_WIDE = 100


@app.command("list")
def list_(
    state: Annotated[
        str | None, typer.Option("--state", metavar="STATE", help="ACCEPTED, UNKNOWN, NOT_SENT, ...")
    ] = None,
    conn: Annotated[str | None, typer.Option("--conn", metavar="ID", help="Connection.")] = None,
    to: Annotated[str | None, typer.Option("--to", metavar="WHOM", help="Number or address.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, metavar="N", help="At most so many.")] = 50,
    full: Full = False,
    as_json: AsJson = False,
) -> None:
    """List messages, newest first."""
    recipient = None if to is None else to.strip() if "@" in to else numbers([to])[0]
    with backstage.airflow():
        entries = _listed(backstage.open_ledger(), state, conn, recipient, limit)
    if as_json:
        output.print_json([entry_as_json(entry, full=full) for entry in entries])
        return
    if not entries:
        output.note("The ledger holds no such message.")
        return
    console = output.console()
    wide = console.width >= _WIDE
    columns = ("key", "when", "connection", "to", "state", *(("message id", "credits") if wide else ()))
    table = output.table(*columns, numbers=("credits",))
    for entry in entries:
        credits_ = cost(entry.state, entry.credits)
        more = (entry.message_id or "-", "-" if credits_ is None else str(credits_)) if wide else ()
        table.add_row(
            entry.key[:8],
            output.when(entry.updated_at, seconds=False),
            entry.conn_id,
            entry.to if full else mask(entry.to),
            output.state(entry.state),
            *more,
        )
    console.print(table)


@app.command()
def show(wanted: Wanted, full: Full = False, as_json: AsJson = False) -> None:
    """Show all that is known of a message."""
    with backstage.airflow():
        ledger = backstage.open_ledger()
        found = [(entry, ledger.timeline(entry)) for entry in ledger.find(wanted)]
    if not found:
        _not_found()
    if as_json:
        output.print_json([entry_as_json(entry, full=full, timeline=events) for entry, events in found])
        return
    for number, (entry, events) in enumerate(found):
        output.console().print("\n" * bool(number), end="")
        print_details(entry, events, full=full)


@app.command()
def stats(as_json: AsJson = False) -> None:
    """Count messages and credits by connection, operation and state."""
    with backstage.airflow():
        counted = {
            (conn_id, operation, state): (messages, cost(state, credits_) or 0)
            for (conn_id, operation, state), (messages, credits_) in backstage.open_ledger().stats().items()
        }
    if as_json:
        names = ("conn_id", "operation", "state", "messages", "credits")
        output.print_json(
            [dict(zip(names, (*group, *counts), strict=True)) for group, counts in counted.items()]
        )
        return
    table = output.table(
        "connection", "operation", "state", "messages", "credits", numbers=("messages", "credits")
    )
    for (conn_id, operation, state), (messages, credits_) in counted.items():
        table.add_row(conn_id, operation, output.state(state), str(messages), str(credits_))
    if len(counted) > 1:
        totals = [str(sum(column)) for column in zip(*counted.values(), strict=True)]
        table.add_section()
        table.add_row("in all", "", "", *totals)
    output.console().print(table)


@app.command()
def resolve(
    wanted: Wanted,
    arrived: Annotated[
        bool | None,
        typer.Option("--arrived/--not-arrived", metavar="", help="What you found out.", show_default=False),
    ] = None,
    why: Annotated[
        str | None, typer.Option("--why", metavar="TEXT", help="How you found out; it is kept.")
    ] = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="WHOM", help="Which recipient, where the key has several.")
    ] = None,
    everyone: Annotated[bool, typer.Option("--all", metavar="", help="All of the key's recipients.")] = False,
    full: Full = False,
) -> None:
    """Record what you found out about a message whose outcome is unknown.

    What did not arrive may be sent again under its key; what arrived may not.
    """
    if arrived is None or not (why or "").strip():
        stop(Code.INVALID, "Say what you found out, with --arrived or --not-arrived, and with --why how.")
    recipient = None if to is None else to.strip() if "@" in to else numbers([to])[0]
    with backstage.airflow():
        ledger = backstage.open_ledger()
        entries = _unresolved(ledger, wanted, recipient, everyone)
        resolved = [
            (entry, ledger.resolve(entry, arrived=arrived, who=_who(), why=str(why))) for entry in entries
        ]
    for entry, state in resolved:
        whom = entry.to if full else mask(entry.to)
        then = "it stays sent" if arrived else "its key may be sent again"
        output.console().print(output.state(state, f"  {entry.operation} to {whom}: {then}."), soft_wrap=True)


def _listed(
    ledger: SqlLedger, state: str | None, conn: str | None, to: str | None, limit: int
) -> list[Entry]:
    from airflow_provider.engine.messages import State  # noqa: PLC0415  # beside the ledger it costs nothing

    if state is None:
        return ledger.entries(conn_id=conn, to=to, limit=limit)
    word = state.strip().upper().replace("-", "_").replace(" ", "_")
    if word not in set(State):
        stop(Code.INVALID, f"There is no state {state!r}; choose one of {', '.join(State)}.")
    return ledger.entries(state=State(word), conn_id=conn, to=to, limit=limit)


def _unresolved(ledger: SqlLedger, wanted: str, to: str | None, everyone: bool) -> list[Entry]:
    found = [entry for entry in ledger.find(wanted) if to is None or entry.to.casefold() == to.casefold()]
    if not found:
        _not_found()
    unknown = [entry for entry in found if entry.state == "UNKNOWN"]
    if not unknown:
        states = ", ".join(sorted({entry.state for entry in found}))
        stop(Code.INVALID, f"The message stands at {states}, not at UNKNOWN, so there is nothing to resolve.")
    if len(unknown) > 1 and not everyone:
        stop(
            Code.INVALID,
            f"{len(unknown)} recipients of this key stand at UNKNOWN. Name one with --to, or take --all of them.",
        )
    return unknown


def _not_found() -> NoReturn:
    stop(
        Code.INVALID, "The ledger knows no message by this key or id. `ulak ledger list` shows what it holds."
    )


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"
