"""`ulak balance`: what is left at a vendor."""

from __future__ import annotations

from airflow_provider.cli import backstage, output
from airflow_provider.cli.options import AsJson, Conn

__all__ = ["balance"]


def balance(conn: Conn, as_json: AsJson = False) -> None:
    """Ask a vendor what is left."""
    with backstage.airflow():
        from airflow_provider.engine.exchange import as_json as jsonable  # noqa: PLC0415  # brings an HTTP client along

        hook = backstage.open_hook(conn)
        left = hook.balance()
    if as_json:
        output.print_json({"vendor": hook.vendor.key, "conn_id": hook.conn_id, **jsonable(left)})
        return
    amounts = [f"{left.credits:f} credits"] if left.credits is not None else []
    amounts += [f"{left.money:f} {left.currency}"] if left.money is not None else []
    output.console().print(f"{hook.conn_id}: {', '.join(amounts) or 'the vendor does not tell'}")
