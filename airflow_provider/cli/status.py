"""`ulak status`: what became of a message, by the ledger and, if asked, by its vendor."""

# ruff: noqa: PLC0415 - what asks a vendor is imported when one is asked

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from airflow_provider.cli import backstage, output
from airflow_provider.cli.entries import as_json as entry_as_json
from airflow_provider.cli.entries import print_details
from airflow_provider.cli.exits import Code, code_of, stop
from airflow_provider.cli.options import AsJson, Full, Wanted
from airflow_provider.engine.errors import MessagingError
from airflow_provider.engine.redaction import mask

if TYPE_CHECKING:
    from airflow_provider.engine.exchange import Delivery
    from airflow_provider.engine.ledger.store import Entry

__all__ = ["status"]


def status(
    wanted: Wanted,
    conn: Annotated[
        str | None,
        typer.Option(
            "--conn", metavar="ID", help="Ask the vendor of this connection, also without the ledger."
        ),
    ] = None,
    ask: Annotated[
        bool,
        typer.Option("--ask", metavar="", help="Ask the vendor too, through the message's own connection."),
    ] = False,
    full: Full = False,
    as_json: AsJson = False,
) -> None:
    """Tell what became of a message."""
    with backstage.airflow():
        ledger = backstage.open_ledger()
        found = [(entry, ledger.timeline(entry)) for entry in ledger.find(wanted)]
        questions = _questions([entry for entry, _ in found], wanted, conn, ask)
        answers, problem = _ask(questions)
    if not found and not questions:
        stop(
            Code.INVALID,
            "The ledger knows no message by this key or id. To ask a vendor about an id, name its --conn.",
        )
    if as_json:
        output.print_json(
            {
                "messages": [entry_as_json(entry, full=full, timeline=events) for entry, events in found],
                "vendor_reports": [report for answer in answers for report in _reports(answer, full)],
            }
        )
    else:
        for number, (entry, events) in enumerate(found):
            output.console().print("\n" * bool(number), end="")
            print_details(entry, events, full=full)
        for answer in answers:
            output.console().print("\n" * bool(found), end="")
            _print_answer(answer, full)
    if problem is not None:
        stop(code_of(problem), str(problem))


def _questions(entries: Sequence[Entry], wanted: str, conn: str | None, ask: bool) -> list[tuple[str, str]]:
    """Return whom to ask about what, as pairs of connection and message id."""
    if not (conn or ask):
        return []
    pairs = {(conn or entry.conn_id, entry.message_id): None for entry in entries if entry.message_id}
    if not entries and conn:
        return [(conn, wanted)]
    if entries and not pairs:
        output.warn("The vendor gave no id for this message, so it cannot be asked.")
    return list(pairs)


def _ask(questions: Sequence[tuple[str, str]]) -> tuple[list[Delivery], MessagingError | None]:
    answers = []
    for conn_id, message_id in questions:
        try:
            answers.append(backstage.open_hook(conn_id).delivery(message_id))
        except MessagingError as error:
            return answers, error
    return answers, None


def _reports(answer: Delivery, full: bool) -> list[dict[str, Any]]:
    from airflow_provider.engine.exchange import as_json

    return [
        {
            **as_json(report),
            "message_id": answer.message_id,
            "to": report.to and (report.to if full else mask(report.to)),
        }
        for report in answer.reports
    ]


def _print_answer(answer: Delivery, full: bool) -> None:
    console = output.console()
    console.print(Text(f"What the vendor says of {answer.message_id}", style="dim"))
    table = output.table("to", "state", "in its words", "operator", "when")
    for report in answer.reports:
        to = "-" if report.to is None else report.to if full else mask(report.to)
        when = "-" if report.at is None else output.when(report.at.timestamp())
        table.add_row(to, output.state(report.state), report.word, report.operator or "-", when)
    console.print(table)
