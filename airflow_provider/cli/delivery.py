"""One send from beginning to end: through the ledger, then told to whoever asked, whatever came of it."""

# ruff: noqa: PLC0415 - what a send needs is imported when there is one

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import typer
from rich.text import Text

from airflow_provider.cli import backstage, output
from airflow_provider.cli.entries import cost, receipt_of
from airflow_provider.cli.exits import Code, code_of, code_of_states, report_bug, stop
from airflow_provider.engine.errors import MessagingError

if TYPE_CHECKING:
    from airflow_provider.engine.ledger.claims import Origin
    from airflow_provider.engine.messages import Message, Receipt
    from airflow_provider.hooks.base import MessagingHook

__all__ = ["Delivery"]

_STATE_OF = {Code.UNKNOWN: "UNKNOWN", Code.REJECTED: "REJECTED", Code.HELD_BACK: "SUPPRESSED"}


class Delivery:
    """A message on its way to its recipients.

    Args:
        conn_id: The connection.
        operation: The vendor's operation.
        message: What to send.
        key: Its key; a random one when None, so that what came of it can be looked up all the same.
        full: Whether recipients are printed in full.
        as_json: Whether to print JSON.
        reveal_code: Whether to print the code of a one-time code.
    """

    def __init__(
        self,
        conn_id: str,
        operation: str,
        message: Message,
        *,
        key: str | None,
        full: bool,
        as_json: bool,
        reveal_code: bool = False,
    ) -> None:
        self._conn_id = conn_id
        self._operation = operation
        self._message = message
        self._key = key or secrets.token_hex(8)
        self._made_up = key is None
        self._full = full
        self._as_json = as_json
        self._reveal_code = reveal_code
        self._hook: MessagingHook | None = None

    def run(self) -> None:
        """Send, print what came of it, and end the command with its code.

        Raises:
            typer.Exit: The code, unless all went well.
            MessagingError: The input or the configuration is wrong.
        """
        try:
            self._send()
        except KeyboardInterrupt:
            self._stopped()

    def _send(self) -> None:
        try:
            with backstage.airflow():
                self._hook = hook = backstage.open_hook(self._conn_id)
                receipts = hook.run(hook.send(self._operation, [self._message], origin=self._origin()))
        except MessagingError as error:
            self._failed(error)
        except Exception as error:
            self._print_what_is_known("Ulak failed before it was sent.")
            report_bug(error, f"See `ulak status {self._key}` before you send it again.")
        else:
            self._print(receipts)

    # --- when it did not go well ----------------------------------------------------------------------

    def _failed(self, error: MessagingError) -> None:
        code = code_of(error)
        if code is Code.INVALID and all(receipt.state == "NOT_SENT" for receipt in error.receipts):
            raise error
        known = error.receipts or self._look_up() or ()
        receipts = self._for_all(known, error.sentence, _STATE_OF.get(code, "NOT_SENT"))
        code = code_of_states(receipt.state for receipt in receipts)
        self._print(receipts)
        if code is Code.DONE:
            # A one-time code that went out earlier under this key, whose digits nobody has any more.
            output.warn(str(error))
            return
        output.complain(str(error))
        if self._made_up and code in {Code.NOT_SENT, Code.UNKNOWN}:
            output.note(
                f"Its key is {self._key}: look with `ulak status {self._key}`, or send again with --key {self._key},"
                " under which nobody gets it twice."
            )
        raise typer.Exit(code)

    def _stopped(self) -> NoReturn:
        """Say after Ctrl-C what may have gone out, by what the ledger holds."""
        try:
            receipts = self._print_what_is_known("Stopped before it was sent.")
        except KeyboardInterrupt:
            receipts = None
        if receipts is None:
            fate = f"The message may or may not have gone out: see `ulak status {self._key}`."
        else:
            fate = self._fate([code_of_states([receipt.state]) for receipt in receipts])
        stop(Code.INTERRUPTED, f"Stopped by Ctrl-C. {fate}")

    def _fate(self, codes: Sequence[Code]) -> str:
        doubtful, taken, everybody = codes.count(Code.UNKNOWN), codes.count(Code.DONE), len(codes)
        if doubtful:
            whom = f"To {doubtful} of {everybody} recipients the" if everybody > 1 else "The"
            return (
                f"{whom} message may or may not have gone out: find out at the vendor, then record it with"
                f" `ulak ledger resolve {self._key}`."
            )
        if taken == everybody:
            return "The vendor has the message already."
        if taken:
            return (
                f"The vendor has the message for {taken} of {everybody} recipients; with --key {self._key} the others"
                " get it too."
            )
        return "Nothing was sent."

    def _print_what_is_known(self, sentence: str) -> list[Receipt] | None:
        """Print what the ledger holds of this send, and return it; None, and nothing printed, when it cannot tell."""
        known = self._look_up()
        if known is None:
            return None
        receipts = self._for_all(known, sentence)
        self._print(receipts)
        return receipts

    def _look_up(self) -> Sequence[Receipt] | None:
        """Return what the ledger holds of this send; None when it cannot be asked."""
        if self._hook is None:
            return ()
        from airflow_provider.engine.ledger.claims import Claim

        channel, vendor = self._message.channel, self._hook.vendor.key
        claims = [
            Claim(self._origin(), channel, to, 0, vendor, self._conn_id, self._operation, self._message)
            for to in self._message.to
        ]
        try:
            with backstage.airflow():
                ledger = backstage.open_ledger()
                rows = [row for claim in claims for row in ledger.find(ledger.digest(claim.key_parts))]
        except Exception:  # whatever it is, the send's own outcome is what has to be told
            return None
        return [receipt_of(row) for row in rows]

    def _origin(self) -> Origin:
        from airflow_provider.engine.ledger.claims import Origin

        return Origin.named(self._key, {"kind": "cli"})

    def _for_all(self, known: Sequence[Receipt], sentence: str, state: str = "NOT_SENT") -> list[Receipt]:
        """Return a receipt for every recipient, made of the state and the sentence for who has none."""
        from airflow_provider.engine.messages import Receipt, State

        by_recipient = {receipt.to.casefold(): receipt for receipt in known}
        return [
            by_recipient.get(to.casefold())
            or Receipt(
                key="",
                vendor=self._vendor or "",
                conn_id=self._conn_id,
                to=to,
                state=State(state),
                error=sentence,
            )
            for to in self._message.to
        ]

    # --- telling it -----------------------------------------------------------------------------------

    @property
    def _vendor(self) -> str | None:
        return None if self._hook is None else self._hook.vendor.key

    def _print(self, receipts: Sequence[Receipt]) -> None:
        costs = [cost(receipt.state, receipt.credits) for receipt in receipts]
        total = sum(filter(None, costs)) if any(each is not None for each in costs) else None
        if self._as_json:
            self._print_json(receipts, total)
        else:
            self._print_table(receipts, costs, total)

    def _print_json(self, receipts: Sequence[Receipt], total: int | None) -> None:
        shown = [receipt.as_json(full=self._full) for receipt in receipts]
        fields = ("to", "state", "message_id", "error")
        value: dict[str, Any] = {
            "vendor": self._vendor,
            "recipients": [{name: receipt[name] for name in fields} for receipt in shown],
            "segments": next((receipt.segments for receipt in receipts if receipt.segments), None),
            "credits": total,
        }
        if self._reveal_code:
            value["code"] = _code(receipts)
        output.print_json(value)

    def _print_table(
        self, receipts: Sequence[Receipt], costs: Sequence[int | None], total: int | None
    ) -> None:
        several = len(receipts) > 1
        reasons = several and any(receipt.error for receipt in receipts)
        columns = ("to", "state", "message id", "credits", *(("why",) if reasons else ()))
        table = output.table(*columns, numbers=("credits",))
        for receipt, credits_ in zip(receipts, costs, strict=True):
            table.add_row(
                receipt.as_json(full=self._full)["to"],
                output.state(receipt.state, ", earlier" if receipt.replayed else ""),
                receipt.message_id or "-",
                "-" if credits_ is None else str(credits_),
                *((receipt.error or "",) if reasons else ()),
            )
        console = output.console()
        console.print(table)
        parts = [note for receipt in receipts if (note := receipt.cost_note)][:1]
        parts += [output.count(total, "credit") + " in all"] if total is not None and several else []
        console.print(Text("; ".join([*parts, f"key {self._key}"]), style="dim"), soft_wrap=True)
        if self._reveal_code and (code := _code(receipts)) is not None:
            console.print(f"code {code}")


def _code(receipts: Sequence[Receipt]) -> str | None:
    code = receipts[0].code
    return None if code is None else code.get_secret_value()
