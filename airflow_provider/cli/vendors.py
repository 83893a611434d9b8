"""`ulak vendors`: which vendor can do what, read off the vendors' classes."""

# ruff: noqa: PLC0415 - the vendors' classes bring an HTTP client along

from __future__ import annotations

from rich.text import Text

from airflow_provider.cli import output
from airflow_provider.cli.options import AsJson

__all__ = ["vendors"]

_BEYOND = Text("beyond", style="yellow")


def vendors(as_json: AsJson = False) -> None:
    """Show which vendor has which operation."""
    from airflow_provider.engine.vendors import VENDORS, load
    from airflow_provider.engine.vendors.base import OPERATIONS, operations

    able = {key: {written.name: written.beyond for written in operations(load(key))} for key in VENDORS}
    if as_json:
        output.print_json(
            [
                {
                    "vendor": key,
                    "title": entry.title,
                    "notice": entry.notice or None,
                    "operations": [
                        {"name": name, "beyond_the_seed": beyond} for name, beyond in able[key].items()
                    ],
                }
                for key, entry in VENDORS.items()
            ]
        )
        return
    table = output.table("operation", *VENDORS)
    for name in OPERATIONS:
        table.add_row(name, *(_cell(able[key], name) for key in VENDORS))
    notes = output.table("", "")
    notes.show_header = False
    notes.add_row(_BEYOND, "rests on something else than the vendor's API document; --json names what")
    for key, entry in VENDORS.items():
        if entry.notice:
            notes.add_row(Text(key, style="bold"), entry.notice)
    console = output.console()
    console.print(table)
    console.print()
    console.print(notes)


def _cell(able: dict[str, str | None], name: str) -> Text:
    if name not in able:
        return Text("-", style="dim")
    return Text("yes", style="green") if able[name] is None else _BEYOND
