"""Any number of callers, crashes, ended leases and second thoughts: nothing goes out twice, nothing gets lost.

Hypothesis plays the processes step by step and in any order, as an operating system would. It lets the line, the
ledger and the vendor fail, interrupts and kills processes wherever they wait, and has a person resolve doubts,
rightly or wrongly.
"""

from __future__ import annotations

import copy
import shutil
import sqlite3
import tempfile
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    precondition,
    rule,
)

from airflow_provider.engine import dispatch
from airflow_provider.engine.dispatch import Policy, send
from airflow_provider.engine.errors import (
    InsufficientBalance,
    InvalidRecipient,
    MessagingError,
    NotSent,
    OutcomeUnknown,
)
from airflow_provider.engine.exchange import Pause, Work, start_before_of
from airflow_provider.engine.ledger.claims import Origin
from airflow_provider.engine.messages import Sms, State
from tests.engine.scripted_vendor import Clock, ScriptedVendor, accepted, body_of, open_ledger

KEYS = ("order-1", "order-2")
NUMBERS = ("+905321234567", "+905321234568", "+905321234569")
CUT = OutcomeUnknown("The connection closed before an answer came.")

AT_WORK = {
    # the ledger: (done, what is thrown afterwards)
    "done": (True, None),
    "fails": (False, sqlite3.OperationalError("database is locked")),
    "fails after it was done": (True, sqlite3.OperationalError("disk I/O error")),
    "interrupted": (False, KeyboardInterrupt()),
    "interrupted after it was done": (True, KeyboardInterrupt()),
}
AT_REQUEST = {
    # the vendor: (takes the message, what it says, what is thrown in place of that)
    "taken": (True, accepted(), None),
    "taken, answered later": (True, accepted(), None),
    "taken, answer lost": (True, None, CUT),
    "taken, answer misread": (True, ValueError("a fault of ours"), None),
    "taken, interrupted": (True, None, KeyboardInterrupt()),
    "lost on the way": (False, None, CUT),
    "interrupted": (False, None, KeyboardInterrupt()),
    "no connection": (False, None, NotSent("The connection was refused.")),
    "number refused": (False, InvalidRecipient("No such number."), None),
    "account refused": (False, InsufficientBalance("No credit left."), None),
}


@dataclass(frozen=True)
class Process:
    """One call, and the step at which it waits: a step of dispatch, or the vendor's answer to its request."""

    key: str
    to: tuple[str, ...]
    on_unknown: str
    steps: Any
    at: Any


class Senders(RuleBasedStateMachine):
    empty_ledger: Path
    processes = Bundle("processes")

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="ulak-machine-"))
        shutil.copy(self.empty_ledger, self.folder / "ulak.db")
        self.clock = Clock().__enter__()
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(dispatch, "time", self.clock)
        self.ledger = open_ledger(self.folder)
        self.rows = {
            self.ledger.digest(("key", key, "sms", to, 0)): (key, to) for key in KEYS for to in NUMBERS
        }
        self.alive = 0
        self.taken = Counter()  # by key and recipient: how often the vendor took the message
        self.reports = set()  # the report ids of requests that the vendor took
        self.may_be_taken = Counter(dict.fromkeys(self.rows.values(), 1))
        self.vouched_for = set()  # rows of which a person said that they arrived

    # --- what happens -----------------------------------------------------------------------------------

    @rule(
        target=processes,
        key=st.sampled_from(KEYS),
        to=st.lists(st.sampled_from(NUMBERS), min_size=1, unique=True).map(tuple),
        limit=st.integers(1, 3),
        on_unknown=st.sampled_from(["fail", "fail", "accept", "resend"]),
    )
    def call(self, key, to, limit, on_unknown):
        steps = send(
            ScriptedVendor(limit),
            "send_sms",
            [Sms(to=to, text=key)],
            origin=Origin.named(key),
            ledger=self.ledger,
            policy=Policy(on_unknown=on_unknown),
        )
        self.alive += 1
        return Process(key, to, on_unknown, steps, next(steps))

    @rule(
        target=processes,
        process=consumes(processes),
        fates=st.lists(
            st.tuples(
                st.sampled_from(["done"] * 10 + sorted(AT_WORK)),
                st.sampled_from(["taken"] * 2 + sorted(AT_REQUEST)),
            ),
            min_size=1,
            max_size=6,
        ),
    )
    def go_on(self, process, fates):
        for at_work, at_request in fates:
            self.nothing_went_out_twice()
            process = self.one_step(process, at_work, at_request)
            if process is None:
                self.alive -= 1
                return multiple()
            if isinstance(process.at, httpx.Response):
                break
        return process

    def one_step(self, process, at_work, at_request):
        """Perform the step at which a process waits; return the process at its next one, or None at its end."""
        reply, failure = None, None
        if isinstance(process.at, Work):
            done, failure = copy.deepcopy(AT_WORK[at_work])
            if done:
                reply = self.watched(process)
        elif isinstance(process.at, Pause):
            self.clock.advance(process.at.seconds)
        elif isinstance(process.at, httpx.Response):
            reply = process.at
        elif self.clock.monotonic() > start_before_of(process.at):
            failure = NotSent("Too much time had passed when the request was about to begin.")
        else:
            takes, said, failure = copy.deepcopy(AT_REQUEST[at_request])
            body = body_of(process.at)
            if takes:
                self.taken.update((process.key, to) for to in body["to"])
                self.reports.add(body["report_id"])
            reply = httpx.Response(200, extensions={"said": said})
            if at_request == "taken, answered later":
                return replace(process, at=reply)
        return self.resumed(process, reply, failure)

    @rule(process=consumes(processes))
    def kill(self, process):
        process.steps.close()
        self.alive -= 1

    @precondition(lambda self: self.alive)
    @rule(seconds=st.sampled_from([1.0, 14.0, 16.0, 44.0, 46.0]))
    def wait(self, seconds):
        self.clock.advance(seconds)

    @precondition(lambda self: self.taken)
    @rule(which=st.randoms(use_true_random=False), arrived=st.booleans())
    def resolve(self, which, arrived):
        if doubts := self.ledger.entries(state=State.UNKNOWN):
            entry = which.choice(doubts)
            self.ledger.resolve(entry, arrived=arrived, who="ayse", why="asked")
            row = self.rows[entry.key]
            if arrived:
                self.vouched_for.add(row)
            else:
                self.may_be_taken[row] += 1

    # --- what it comes to -------------------------------------------------------------------------------

    def watched(self, process):
        """Do a call of the ledger, and count what was claimed although its outcome was unknown."""
        before = {entry.key: entry.state for entry in self.ledger.entries()}
        reply = process.at.call()
        for entry in self.ledger.entries(state=State.CLAIMED):
            if before.get(entry.key) is State.UNKNOWN:
                assert process.on_unknown == "resend"
                self.may_be_taken[self.rows[entry.key]] += 1
        return reply

    def resumed(self, process, reply, failure):
        """Go on with a process to its next step, or look at what its caller gets."""
        try:
            step = process.steps.send(reply) if failure is None else process.steps.throw(failure)
        except StopIteration as done:
            receipts = done.value
            assert all(receipt.error is None for receipt in receipts)
        except MessagingError as error:
            receipts = error.receipts
            assert any(receipt.error is not None for receipt in receipts)
        except KeyboardInterrupt:
            return None
        else:
            return replace(process, at=step)
        assert tuple(receipt.to for receipt in receipts) == process.to
        for receipt in receipts:
            self.check(process, receipt)
        return None

    def check(self, process, receipt):
        row = (process.key, receipt.to)
        assert receipt.error or receipt.state in {State.ACCEPTED, State.UNKNOWN}
        if receipt.state is State.UNKNOWN and receipt.error is None:
            assert (process.on_unknown, receipt.replayed) == ("accept", True)
        if receipt.state is State.ACCEPTED:
            assert self.taken[row] or row in self.vouched_for
        if receipt.attempt and not receipt.replayed:
            if receipt.state is State.ACCEPTED:
                assert receipt.report_id in self.reports
            if receipt.state in {State.NOT_SENT, State.REJECTED}:
                assert receipt.report_id not in self.reports

    @invariant()
    def nothing_went_out_twice(self):
        assert all(times <= self.may_be_taken[row] for row, times in self.taken.items())

    @invariant()
    def nothing_that_went_out_is_lost_or_waits_to_go_out_again(self):
        states = {self.rows[entry.key]: entry.state for entry in self.ledger.entries()}
        for row, times in self.taken.items():
            assert row in states
            if states[row] in {State.NOT_SENT, State.REJECTED}:
                assert times < self.may_be_taken[row]

    def teardown(self):
        self.clock.advance(46)
        for entry in self.ledger.entries():
            assert entry.state is not State.CLAIMED
        for key in KEYS:
            process = self.call(key, NUMBERS, 3, "fail")
            while process:
                process = self.one_step(process, "done", "taken")
        self.nothing_went_out_twice()
        self.nothing_that_went_out_is_lost_or_waits_to_go_out_again()
        self.ledger.close()
        self.patch.undo()
        self.clock.__exit__()
        shutil.rmtree(self.folder)


@pytest.fixture(scope="module", autouse=True)
def _an_empty_ledger_to_begin_with(tmp_path_factory):
    folder = tmp_path_factory.mktemp("machine")
    open_ledger(folder).close()
    Senders.empty_ledger = folder / "ulak.db"


TestSenders = Senders.TestCase
TestSenders.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
