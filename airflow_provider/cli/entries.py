"""How the ledger's rows are shown."""

# ruff: noqa: PLC0415 - rows come from the ledger, which is imported when it is asked

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.text import Text

from airflow_provider.cli import output
from airflow_provider.engine.redaction import mask

if TYPE_CHECKING:
    from airflow_provider.engine.ledger.store import Entry, Event
    from airflow_provider.engine.messages import Receipt

__all__ = ["as_json", "cost", "print_details", "receipt_of"]

_FREE = frozenset({"NOT_SENT", "REJECTED", "SUPPRESSED"})


def cost(state: str, credits_: int | None) -> int | None:
    """Return what a message in this state cost, or may have cost: nothing where it did not go out."""
    return 0 if credits_ and state in _FREE else credits_


def receipt_of(entry: Entry) -> Receipt:
    """Return a row as the receipt of its last attempt."""
    from airflow_provider.engine.messages import Receipt

    names = (
        "key",
        "vendor",
        "conn_id",
        "to",
        "message_id",
        "encoding",
        "segments",
        "credits",
        "charged",
        "error",
    )
    return Receipt(state=entry.state, attempt=entry.attempt, **{name: getattr(entry, name) for name in names})


def as_json(entry: Entry, *, full: bool, timeline: Sequence[Event] | None = None) -> dict[str, Any]:
    """Return a row, and its timeline where given, as JSON-able values."""
    from airflow_provider.engine.exchange import as_json as jsonable

    values: dict[str, Any] = {
        "key": entry.key,
        "state": str(entry.state),
        "to": entry.to if full else mask(entry.to),
        "vendor": entry.vendor,
        "conn_id": entry.conn_id,
        "operation": entry.operation,
        "channel": entry.channel,
        "origin": dict(entry.origin),
        "attempt": entry.attempt,
        "message_id": entry.message_id,
        "report_id": entry.report_id,
        "encoding": entry.encoding,
        "segments": entry.segments,
        "credits": cost(entry.state, entry.credits),
        "charged": jsonable(entry.charged),
        "error": entry.error,
        "created_at": output.utc(entry.created_at),
        "updated_at": output.utc(entry.updated_at),
    }
    if timeline is not None:
        values["timeline"] = [{**asdict(event), "at": output.utc(event.at)} for event in timeline]
    return values


def print_details(entry: Entry, timeline: Sequence[Event], *, full: bool) -> None:
    """Print all that is known of a row, and what happened to it."""
    console = output.console()
    facts = output.table("", "")
    facts.show_header = False
    facts.add_row(
        Text("message", style="dim"), f"{entry.operation} to {entry.to if full else mask(entry.to)}"
    )
    facts.add_row(
        Text("state", style="dim"),
        output.state(entry.state, ", since its lease ended" if entry.lease_ended else ""),
    )
    rows = {
        "error": entry.error,
        "connection": f"{entry.conn_id} ({entry.vendor})",
        "message id": entry.message_id,
        "report id": entry.report_id,
        "cost": _cost(entry),
        "sent by": _origin(entry),
        "key": entry.key,
    }
    for name, value in rows.items():
        if value is not None:
            facts.add_row(Text(name, style="dim"), str(value))
    console.print(facts)
    console.print()
    events = output.table("when", "state", "attempt", "by", numbers=("attempt",))
    for event in timeline:
        events.add_row(output.when(event.at), output.state(event.after), str(event.attempt), _by(event))
    console.print(events)


def _cost(entry: Entry) -> str | None:
    credits_ = cost(entry.state, entry.credits)
    if credits_ is None or entry.segments is None:
        return None if credits_ is None else output.count(credits_, "credit")
    parts = [output.count(credits_, "credit"), output.count(entry.segments, "segment")]
    parts += [f"{entry.charged:f} charged by the vendor"] if entry.charged is not None else []
    return ", ".join(parts)


def _origin(entry: Entry) -> str:
    kind, *facts = entry.origin.items()
    name = "the command line" if kind[1] == "cli" else kind[1]
    return ", ".join([name, *(f"{fact} {value}" for fact, value in facts)])


def _by(event: Event) -> str:
    if event.detail is None:
        return event.actor
    if event.actor == "person":
        found = json.loads(event.detail)
        return f"{found['who']}: {found['why']}"
    return f"{event.actor}: {event.detail}"
