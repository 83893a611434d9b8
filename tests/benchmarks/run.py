"""`make bench`: speed as ratios within one run, printed and written to `.bench/report.json`.

A single figure of a shared machine says little; a ratio of two things measured in turn says how much Ulak adds.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[2]
ANSWER = {
    "result": True,
    "sms_id": 1000007721,
    "total_has_sent_last_1_min": 1,
    "number_of_sms": 1,
    "result_code": "TS-1024",
    "result_message": "The message was sent successfully",
    "sms_lang": "Turkish",
    "content_type": "Transactional",
    "country": "Turkey-TR",
}


def main() -> None:
    """Run every bench and print its line."""
    report: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as home:
        os.environ["AIRFLOW_HOME"] = home
        report["send_sms"] = send_sms_over_raw_post()
        report["ledger"] = claim_and_record(Path(home))
    report["imports"] = imports_over_airflow()
    out = ROOT / ".bench" / "report.json"
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(f"All figures are in {out.relative_to(ROOT)}.")


def send_sms_over_raw_post(rounds: int = 101, calls: int = 30) -> dict[str, Any]:
    """hook.send_sms, with phones, segments, errors and a ledger in memory, over a pooled httpx.Client.post."""
    from airflow.sdk import Connection

    from airflow_provider.hooks import installation
    from airflow_provider.hooks.turkeysms import TurkeySmsHook
    from tests.benchmarks.memory_ledger import MemoryLedger

    with answering_server() as url:
        connection = Connection(
            conn_id="bench", conn_type="turkeysms", host=url, password="bench-key", extra='{"sender": "ULAK"}'
        )
        # Only here: no setting of the product leads around the ledger in the database.
        installation._open[os.environ.get("ULAK_LEDGER_URL", "")] = MemoryLedger()  # type: ignore[assignment]
        hook = TurkeySmsHook(connection)
        body = {
            "api_key": "bench-key",
            "title": "ULAK",
            "text": "Siparişiniz yola çıktı.",
            "sentto": "905321234567",
            "report": 1,
            "sms_lang": 1,
            "response_type": "json",
            "content_type": 0,
        }
        with httpx.Client(trust_env=False) as client:
            target = f"{url}/api/v3/gonder/add-content"
            ratio = compare(
                lambda: hook.send_sms("0532 123 45 67", "Siparişiniz yola çıktı."),
                lambda: client.post(target, json=body).json(),
                rounds,
                calls,
            )
        installation.close_ledger()
    ratio["aim"] = 1.15
    print(
        f"hook.send_sms over raw httpx.Client.post: {ratio['ratio']:.2f} (aim 1.15 or less;"
        f" {ratio['ours_us']:.0f} us against {ratio['theirs_us']:.0f} us)"
    )
    return ratio


def compare(
    ours: Callable[[], object], theirs: Callable[[], object], rounds: int, calls: int
) -> dict[str, Any]:
    """Time two calls in turn, in many short rounds, for the machine drifts; return the median of their ratios."""
    for call in (ours, theirs):
        seconds_per_call(call, calls * 5)
    pairs = [(seconds_per_call(ours, calls), seconds_per_call(theirs, calls)) for _ in range(rounds)]
    ratios = sorted(a / b for a, b in pairs)
    return {
        "ratio": statistics.median(ratios),
        "lowest": ratios[0],
        "highest": ratios[-1],
        "ours_us": statistics.median(a for a, _ in pairs) * 1e6,
        "theirs_us": statistics.median(b for _, b in pairs) * 1e6,
    }


def seconds_per_call(call: Callable[[], object], calls: int) -> float:
    """Return the mean time of one call."""
    began = time.perf_counter()
    for _ in range(calls):
        call()
    return (time.perf_counter() - began) / calls


@contextmanager
def answering_server():
    """Serve one accepted answer to every request from a process of its own."""
    script = Path(__file__).with_name("answering_server.py")
    process = subprocess.Popen(
        [sys.executable, script, json.dumps(ANSWER)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait(10)


def claim_and_record(home: Path, calls: int = 400) -> dict[str, Any]:
    """One claim and one record on SQLite, each a transaction that reaches the disk."""
    from airflow_provider.engine.ledger.claims import Attempt, Claim, Origin, Outcome
    from airflow_provider.engine.ledger.secret import Secret
    from airflow_provider.engine.ledger.store import SqlLedger
    from airflow_provider.engine.messages import Channel, Sms, State

    ledger = SqlLedger.open(f"sqlite:///{home / 'bench.db'}", Secret("a secret for the bench alone"))
    sms = Sms(to="+905321234567", text="Siparişiniz yola çıktı.")

    def once() -> None:
        claim = Claim(
            Origin.fresh(), Channel.SMS, sms.to[0], 0, "turkeysms", "bench", "send_sms", sms, segments=1
        )
        attempt = Attempt()
        (found,) = ledger.claim([claim], attempt, lease=45, on_unknown="fail")
        ledger.record(attempt, [Outcome(found.key, State.ACCEPTED, message_id="1")])

    seconds_per_call(once, 20)
    times = [seconds_per_call(once, calls // 8) for _ in range(8)]
    ledger.close()
    figure = {
        "ms": statistics.median(times) * 1e3,
        "lowest_ms": min(times) * 1e3,
        "highest_ms": max(times) * 1e3,
    }
    print(
        f"one claim and record on SQLite: {figure['ms']:.2f} ms ({1000 / figure['ms']:.0f} a second, one after another)"
    )
    return figure


def imports_over_airflow(rounds: int = 5) -> dict[str, Any]:
    """What our operators add to the import of airflow.sdk, in fresh processes."""
    operators = [f"airflow_provider.operators.{name}" for name in ("sms", "email", "whatsapp", "account")]
    probe = (
        "import sys, time\n"
        "import airflow.sdk\n"
        # A DAG file names these two, and the SDK is lazy.
        "airflow.sdk.DAG, airflow.sdk.BaseOperator, airflow.sdk.BaseHook, airflow.sdk.ObjectStoragePath\n"
        "before = set(sys.modules); began = time.perf_counter()\n"
        f"import {', '.join(operators)}\n"
        "print(time.perf_counter() - began)\n"
        "print(' '.join(sorted({n.partition('.')[0] for n in set(sys.modules) - before})))\n"
    )
    times, added = [], ""
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as home:
            lines = run_python(probe, home)
            times.append(float(lines[0]))
            added = lines[1]
    unwanted = sorted(set(added.split()) & {"slack_sdk", "slack_bolt", "starlette", "fastapi", "pandas"})
    figure = {"seconds": statistics.median(times), "lowest": min(times), "aim": 0.1, "adds": added.split()}
    print(
        f"import of our operators after airflow.sdk: {figure['seconds']:.3f} s (aim under 0.1 s);"
        f" heavy packages loaded: {', '.join(unwanted) or 'none'}"
    )
    if unwanted:
        raise SystemExit(f"The operators load {unwanted}, which no DAG file needs.")
    return figure


def run_python(code: str, home: str) -> Sequence[str]:
    """Run code in a fresh interpreter and return its lines of output."""
    environment = {**os.environ, "AIRFLOW_HOME": home}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()[-2:]


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
