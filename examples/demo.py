"""`make demo`: one message through every vendor, from a real Airflow DAG to an inbox, with no account.

Starts the sandbox, prepares an Airflow home inside the checkout, runs `examples/dags/order_shipped.py` with
`airflow dags test`, and holds what the ledger says against what the sandbox received. Exits with 1 when a message
is missing there or is there twice. Everything it starts is stopped, also on Ctrl-C.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider.engine.ledger.store import Entry

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".airflow"
BIN = Path(sys.executable).parent


def main() -> int:
    """Run the demo and return its exit code."""
    began = time.time()
    with sandbox() as url:
        environment = prepare(url)
        print(f"The sandbox is at {url}; while the demo runs, its inbox can be opened there.", flush=True)
        run_dag(environment)
        return show(url, began)


@contextlib.contextmanager
def sandbox() -> Iterator[str]:
    """Start `ulak sandbox` on a free port and stop it at the end."""
    process = subprocess.Popen(
        [BIN / "ulak", "sandbox", "--port", "0"], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        line = process.stdout.readline() if process.stdout else ""
        if "http://" not in line:
            raise SystemExit("The sandbox did not start; run `ulak sandbox` to see why.")
        yield line.split()[-1]
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def prepare(url: str) -> dict[str, str]:
    """Point this process and its children at the sandbox and at an Airflow home of our own."""
    HOME.mkdir(exist_ok=True)
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        # All of the demo stays on this machine; a proxy would stand between.
        os.environ.pop(name, None)
        os.environ.pop(name.upper(), None)
    os.environ |= {
        "AIRFLOW_HOME": str(HOME),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "examples" / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PARALLELISM": "2",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{HOME / 'airflow.db'}",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
        "ULAK_LEDGER_URL": f"sqlite:///{HOME / 'ulak.db'}",
    }
    lines = subprocess.run(
        [BIN / "ulak", "sandbox", "env", "--port", url.rpartition(":")[2]],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    for line in lines:
        name, _, value = line.removeprefix("export ").partition("=")
        os.environ[name] = shlex.split(value)[0]
    if not (HOME / ".migrated").exists():
        print("Preparing Airflow's database (once) ...", flush=True)
        run([BIN / "airflow", "db", "migrate"], "airflow-db-migrate.log")
        (HOME / ".migrated").touch()
    return dict(os.environ)


def run_dag(environment: dict[str, str]) -> None:
    """Run the DAG; its own tasks fail the run when a message does not go out."""
    print("Running examples/dags/order_shipped.py with `airflow dags test` ...", flush=True)
    run([BIN / "airflow", "dags", "test", "order_shipped"], "order-shipped.log", environment)


def run(command: list[Path | str], log: str, environment: dict[str, str] | None = None) -> None:
    """Run a command with its output in a file; show the end of it when it fails."""
    with (HOME / log).open("w", encoding="utf-8") as file:
        process = subprocess.Popen(
            command, stdout=file, stderr=subprocess.STDOUT, env=environment, start_new_session=True
        )
        try:
            code = process.wait()
        finally:
            # Airflow's children are in its group; none of them outlives the demo.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            process.wait()
    if code:
        print("\n".join((HOME / log).read_text(encoding="utf-8").splitlines()[-40:]), file=sys.stderr)
        raise SystemExit(
            f"`{' '.join(str(part) for part in command)}` failed; all of its output is in .airflow/{log}."
        )


def differences(
    sent: Iterable[Entry], received: Iterable[dict]
) -> dict[tuple[str, str, str], tuple[int, int]]:
    """Return what was not sent as often as it arrived: vendor, channel and recipient, with both counts."""
    ours = Counter(map(place, sent))
    theirs = Counter((one["vendor"], one["channel"], one["to"]) for one in received)
    return {key: (ours[key], theirs[key]) for key in ours | theirs if ours[key] != theirs[key]}


def place(entry: Entry) -> tuple[str, str, str]:
    """Return where the inbox shows an entry; to a phone a one-time code is a text like any other."""
    return entry.vendor, "sms" if entry.channel == "otp" else entry.channel, entry.to


def show(url: str, began: float) -> int:
    """Print what went out, and compare it with what the sandbox received."""
    from rich.console import Console
    from rich.table import Table

    from airflow_provider.engine.ledger.secret import Secret
    from airflow_provider.engine.ledger.store import SqlLedger
    from airflow_provider.engine.redaction import mask

    ledger = SqlLedger.open(os.environ["ULAK_LEDGER_URL"], Secret.beside(HOME / "ulak.db"))
    sent = [entry for entry in reversed(ledger.entries(limit=1000)) if entry.created_at >= began - 1]
    ledger.close()
    with urllib.request.urlopen(f"{url}/_sandbox/messages", timeout=10) as answer:
        received = json.load(answer)

    table = Table(title="order_shipped, as the ledger and the sandbox's inbox have it", title_justify="left")
    for column in ("vendor", "operation", "recipient", "state", "message id"):
        table.add_column(column)
    table.add_column("credits", justify="right")
    arrived = {(one["vendor"], one["channel"], one["to"]): one["state"] for one in received}
    for entry in sorted(sent, key=lambda entry: (entry.vendor, entry.operation, entry.to)):
        there = arrived.get(place(entry), "not in the inbox")
        cost = "-" if entry.credits is None else str(entry.credits)
        table.add_row(
            entry.vendor,
            entry.operation,
            mask(entry.to),
            f"{entry.state} ({there} there)",
            entry.message_id or "-",
            cost,
        )
    Console(width=None if sys.stdout.isatty() else 110).print(table)

    wrong = differences(sent, received)
    for (vendor, channel, to), (ours, theirs) in sorted(wrong.items()):
        print(f"{vendor} {channel} to {mask(to)}: sent {ours}, in the inbox {theirs}", file=sys.stderr)
    if wrong or not sent:
        print("The demo failed: what was sent is not what arrived.", file=sys.stderr)
        return 1
    print(f"{len(sent)} messages sent, each of them in the inbox once.")
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
