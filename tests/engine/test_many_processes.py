"""Real processes, a real driver, a real server on loopback: one key is one message, whoever is killed."""

from __future__ import annotations

import json
import os
import queue
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import airflow_provider
from airflow_provider.engine.ledger.secret import Secret
from airflow_provider.engine.ledger.store import SqlLedger
from airflow_provider.engine.messages import State

PATIENCE = 300
"""Seconds after which a process that says nothing is taken for dead; nothing is expected to be quick."""

SENDER = """
import json, sys
from pathlib import Path
from airflow_provider.engine.account import Account, Network
from airflow_provider.engine.dispatch import send
from airflow_provider.engine.drivers import Driver
from airflow_provider.engine.errors import MessagingError
from airflow_provider.engine.exchange import Accepted, Pause, build
from airflow_provider.engine.ledger.claims import Origin
from airflow_provider.engine.ledger.secret import Secret
from airflow_provider.engine.ledger.store import SqlLedger
from airflow_provider.engine.messages import Sms

def say(event, **told):
    print(json.dumps({"event": event, **told}), flush=True)

def meet(event, **told):
    say(event, **told)
    sys.stdin.readline()

class Vendor:
    key = "turkeysms"
    account = Account(conn_id="sms", base_url=sys.argv[2])

    def send_sms(self, sms, *, report_id):
        response = yield build("POST", self.account.base_url, json={"to": sms.to, "text": sms.text})
        return Accepted(message_id=response.json()["id"])

def telling_of_waits(steps):
    reply = failure = None
    told = False
    while True:
        try:
            step = steps.send(reply) if failure is None else steps.throw(failure)
        except StopIteration as done:
            return done.value
        if isinstance(step, Pause) and not told:
            say("waiting")
            told = True
        reply = failure = None
        try:
            reply = yield step
        except BaseException as error:
            failure = error

database = Path(sys.argv[1])
meet("imported")
secret = Secret.beside(database)
ledger = SqlLedger.open(f"sqlite:///{database}", secret)
meet("opened", ledger=ledger.ledger_id, secret=secret.digest(["x"]))
message = Sms(to="+905321234567", text="Your order has left.")
steps = send(Vendor(), "send_sms", [message], origin=Origin.named("order-1"), ledger=ledger)
try:
    (receipt,) = Driver(Network()).run(telling_of_waits(steps))
except MessagingError as error:
    say("ended", error=type(error).__name__)
except KeyboardInterrupt:
    say("ended", error="KeyboardInterrupt")
else:
    say("ended", id=receipt.message_id, replayed=receipt.replayed, ledger=receipt.ledger_id)
"""


class Vendor(ThreadingHTTPServer):
    """Counts what is posted, and answers when it is told to."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.posted: list[dict[str, Any]] = []
        self.arrived = threading.Event()
        self.may_answer = threading.Event()
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/send"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A killed client is no error of ours."""


class Handler(BaseHTTPRequestHandler):
    server: Vendor

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posted.append(json.loads(body))
        number = len(self.server.posted)
        self.server.arrived.set()
        self.server.may_answer.wait(PATIENCE)
        answer = json.dumps({"id": f"m-{number}"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Senders:
    """Processes that were started together, and what they say."""

    def __init__(self, database: Path, url: str, number: int) -> None:
        environment = {**os.environ, "PYTHONPATH": str(Path(airflow_provider.__file__).parents[1])}
        self.processes = [
            subprocess.Popen(
                [sys.executable, "-c", SENDER, str(database), url],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=environment,
            )
            for _ in range(number)
        ]
        self.said: queue.Queue[dict[str, Any]] = queue.Queue()
        self._readers = [threading.Thread(target=self._read, args=(each,)) for each in self.processes]
        for reader in self._readers:
            reader.start()

    def _read(self, process: subprocess.Popen[str]) -> None:
        for line in process.stdout or ():
            self.said.put(json.loads(line))

    def hear(self, event: str, times: int) -> list[dict[str, Any]]:
        """Wait until so many have said that something happened; nobody says anything else meanwhile."""
        heard = [self.said.get(timeout=PATIENCE) for _ in range(times)]
        assert {told["event"] for told in heard} <= {event}, heard
        return heard

    def all_go_on(self) -> None:
        for process in self.processes:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()

    def to_the_send(self) -> list[dict[str, Any]]:
        """Let all open the ledger at the same moment, and then send at the same moment."""
        self.hear("imported", len(self.processes))
        self.all_go_on()
        opened = self.hear("opened", len(self.processes))
        self.all_go_on()
        return opened

    def close(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()
        for reader in self._readers:
            reader.join()
        for process in self.processes:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.close()
            process.stdout.close()


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    vendor = Vendor()
    yield vendor
    vendor.may_answer.set()
    vendor.shutdown()
    vendor.server_close()


@pytest.fixture
def senders(tmp_path, vendor):
    started = []

    def start(number):
        started.append(Senders(tmp_path / "ledger" / "ulak.db", vendor.url, number))
        return started[-1]

    yield start
    for each in started:
        each.close()


@pytest.fixture
def ledger(tmp_path):
    opened = []

    def open_it():
        database = tmp_path / "ledger" / "ulak.db"
        opened.append(SqlLedger.open(f"sqlite:///{database}", Secret.beside(database)))
        return opened[-1]

    yield open_it
    for each in opened:
        each.close()


def test_twelve_processes_that_begin_on_an_empty_folder_send_one_message_under_one_key(
    senders, vendor, ledger, tmp_path
):
    twelve = senders(12)
    opened = twelve.to_the_send()

    twelve.hear("waiting", 11)
    assert vendor.arrived.wait(PATIENCE)
    vendor.may_answer.set()
    ended = twelve.hear("ended", 12)

    assert [post["to"] for post in vendor.posted] == [["+905321234567"]]
    assert [told.get("id") for told in ended] == ["m-1"] * 12
    assert sorted(told["replayed"] for told in ended) == [False] + [True] * 11
    assert len({told["ledger"] for told in opened + ended}) == 1
    assert len({told["secret"] for told in opened}) == 1
    secret = tmp_path / "ledger" / "ulak.db.secret"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert {path.name.removesuffix("-wal").removesuffix("-shm") for path in secret.parent.iterdir()} == {
        "ulak.db",
        "ulak.db.secret",
    }
    (entry,) = ledger().entries()
    assert (entry.state, entry.attempt, entry.message_id) == (State.ACCEPTED, 1, "m-1")


def test_a_process_killed_while_its_request_is_out_leaves_a_doubt_and_no_second_message(
    senders, vendor, ledger, tmp_path
):
    killed = senders(1)
    killed.to_the_send()
    assert vendor.arrived.wait(PATIENCE)
    killed.processes[0].send_signal(signal.SIGKILL)
    killed.processes[0].wait()
    vendor.may_answer.set()
    (entry,) = ledger().entries()
    assert entry.state is State.CLAIMED
    with sqlite3.connect(tmp_path / "ledger" / "ulak.db") as database:
        database.execute("UPDATE ulak_messages SET lease_until = lease_until - 3600")
    (entry,) = ledger().entries()
    assert entry.state is State.UNKNOWN

    following = senders(1)
    following.to_the_send()

    assert following.hear("ended", 1) == [{"event": "ended", "error": "OutcomeUnknown"}]
    assert len(vendor.posted) == 1


def test_a_process_interrupted_while_its_request_is_out_says_so_before_it_ends(senders, vendor, ledger):
    interrupted = senders(1)
    interrupted.to_the_send()
    assert vendor.arrived.wait(PATIENCE)

    interrupted.processes[0].send_signal(signal.SIGINT)

    assert interrupted.hear("ended", 1) == [{"event": "ended", "error": "KeyboardInterrupt"}]
    (entry,) = ledger().entries()
    assert entry.state is State.UNKNOWN
    assert entry.lease_ended is False
    assert entry.error == "The process was stopped by KeyboardInterrupt during the send."
