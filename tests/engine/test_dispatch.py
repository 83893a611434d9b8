"""What a caller of dispatch notices, told by what the vendor was asked and what the ledger says afterwards."""

from __future__ import annotations

import asyncio
import json
import logging
import pickle
import sqlite3
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import httpx
import pytest

from airflow_provider.engine import dispatch
from airflow_provider.engine.dispatch import Policy, send
from airflow_provider.engine.drivers import AsyncDriver
from airflow_provider.engine.errors import (
    AuthenticationFailed,
    CodeNotRetained,
    ConfigurationError,
    DeliveryFailed,
    InsufficientBalance,
    InvalidMessage,
    InvalidRecipient,
    MessagingError,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    Refused,
    Rejected,
    UnreadableResponse,
    UnsupportedOperation,
    VendorUnavailable,
)
from airflow_provider.engine.exchange import Accepted, Pause, Work
from airflow_provider.engine.ledger.claims import Attempt, Origin, StoredError
from airflow_provider.engine.ledger.states import Actor
from airflow_provider.engine.messages import Email, Otp, Sms, State, WhatsApp
from tests.engine.fault_server import hang
from tests.engine.scripted_vendor import (
    API_KEY,
    Clock,
    ScriptedVendor,
    Thrown,
    Wire,
    accepted,
    body_of,
    open_ledger,
    with_code,
)

ONE, TWO, THREE, FOUR = (f"+9053212345{n}" for n in (67, 68, 69, 70))
TASK = Origin.task("orders", "manual__1", "notify", -1)


@pytest.fixture
def clock(monkeypatch):
    with Clock() as clock:
        monkeypatch.setattr(dispatch, "time", clock)
        yield clock


@pytest.fixture
def ledger(tmp_path, clock):
    ledger = open_ledger(tmp_path)
    yield ledger
    ledger.close()


@pytest.fixture
def house(ledger, clock):
    return House(ledger, clock)


class House:
    """A ledger and whoever sends through it."""

    def __init__(self, ledger, clock):
        self.ledger = ledger
        self.clock = clock
        self.limit = 1

    def wire(self, *answers, **hooks):
        return Wire(list(answers), self.clock, **hooks)

    def steps(self, *to, key="k", text="Your order has left.", operation="send_sms", **policy):
        vendor = policy.pop("vendor", None) or ScriptedVendor(self.limit)
        messages = policy.pop("messages", None) or [Sms(to=number, text=text) for number in to]
        origin = policy.pop("origin", None) or Origin.named(key)
        policy = Policy(**policy)
        return send(vendor, operation, messages, origin=origin, ledger=self.ledger, policy=policy)

    def row(self, to=ONE):
        (entry,) = self.ledger.entries(to=to)
        return entry

    def states(self):
        return {entry.to: entry.state for entry in self.ledger.entries()}

    def story(self, to=ONE):
        """Every change of a row: who, from, to."""
        return [f"{e.actor} {e.before or 'nothing'}>{e.after}" for e in self.ledger.timeline(self.row(to))]


def raised(wire, steps):
    with pytest.raises(MessagingError) as caught:
        wire.run(steps)
    return caught.value


def drive_to_the_request(steps):
    """Run until the request is out, and leave it there."""
    step = next(steps)
    while not isinstance(step, httpx.Request):
        step = steps.send(step.call())


def at_the_first_pause(wire, act):
    """Have something happen while a wire waits for somebody else."""
    wire.after = lambda step: act() if isinstance(step, Pause) and len(wire.pauses) == 1 else None


# --- one message ----------------------------------------------------------------------------------------


def test_the_claim_is_committed_before_the_request_and_the_outcome_after_it(house):
    states = []
    wire = house.wire(accepted("m-7", charged=Decimal(2)))
    wire.before = lambda step: states.append(house.states()) if isinstance(step, httpx.Request) else None

    (receipt,) = wire.run(house.steps(ONE))

    assert states == [{ONE: State.CLAIMED}]
    assert house.states() == {ONE: State.ACCEPTED}
    assert house.story() == ["caller nothing>CLAIMED", "owner CLAIMED>ACCEPTED"]
    assert receipt == receipt.model_copy(
        update={
            "key": house.row().key,
            "vendor": "turkeysms",
            "conn_id": "vendor_default",
            "to": ONE,
            "state": State.ACCEPTED,
            "message_id": "m-7",
            "report_id": body_of(wire.requests[0])["report_id"],
            "encoding": "gsm7",
            "segments": 1,
            "credits": 1,
            "charged": Decimal(2),
            "error": None,
            "attempt": 1,
            "replayed": False,
            "recorded": True,
            "ledger_id": house.ledger.ledger_id,
        }
    )
    assert 0 < receipt.report_id < 2**52


OUTCOMES = {
    # what happens: (answer, state, scope, what is raised)
    "the vendor takes it": (accepted(), State.ACCEPTED, None, None),
    "connection refused": (Thrown(VendorUnavailable("No line.")), State.NOT_SENT, None, VendorUnavailable),
    "too late to begin": (Thrown(NotSent("Too much time had passed.")), State.NOT_SENT, None, NotSent),
    "429": (RateLimited("The vendor asks for fewer requests."), State.NOT_SENT, None, RateLimited),
    "no such CA file": (Thrown(ConfigurationError("No file.")), State.NOT_SENT, None, ConfigurationError),
    "a field the wire cannot carry": (Thrown(InvalidMessage("Bad.")), State.NOT_SENT, None, InvalidMessage),
    "no such operation after all": (UnsupportedOperation("No."), State.NOT_SENT, None, UnsupportedOperation),
    "a guard": (Refused("Quiet hours."), State.NOT_SENT, None, Refused),
    "bad number": (InvalidRecipient("No such number."), State.REJECTED, "recipient", InvalidRecipient),
    "bad text": (Rejected("Spam.", scope="message"), State.REJECTED, "message", Rejected),
    "bad key": (AuthenticationFailed("Wrong key."), State.REJECTED, "account", AuthenticationFailed),
    "no credit": (InsufficientBalance("No credit."), State.REJECTED, "account", InsufficientBalance),
    "no answer": (Thrown(OutcomeUnknown("The connection closed.")), State.UNKNOWN, None, OutcomeUnknown),
    "500": (OutcomeUnknown("HTTP 500."), State.UNKNOWN, None, OutcomeUnknown),
    "an answer that is no answer": (UnreadableResponse("No JSON."), State.UNKNOWN, None, OutcomeUnknown),
    "an error of no kind": (MessagingError("Something."), State.UNKNOWN, None, OutcomeUnknown),
    "a fault in the vendor's module": (ValueError("bad digit"), State.UNKNOWN, None, OutcomeUnknown),
    "a fault in the driver": (Thrown(RuntimeError("loop")), State.UNKNOWN, None, OutcomeUnknown),
    "a module that says nothing": (None, State.UNKNOWN, None, OutcomeUnknown),
}


@pytest.mark.parametrize(("answer", "state", "scope", "error"), OUTCOMES.values(), ids=OUTCOMES)
def test_what_becomes_of_a_request(house, tmp_path, answer, state, scope, error):
    wire = house.wire(answer)

    if error is None:
        (receipt,) = wire.run(house.steps(ONE))
    else:
        problem = raised(wire, house.steps(ONE))
        assert type(problem) is error
        assert (problem.vendor, problem.operation) == ("turkeysms", "send_sms")
        (receipt,) = problem.receipts
        assert receipt.error == problem.sentence

    assert (receipt.state, receipt.recorded, receipt.replayed) == (state, True, False)
    assert house.row().state is state
    assert house.row().error == receipt.error
    with sqlite3.connect(tmp_path / "ulak.db") as database:
        assert database.execute("SELECT scope, lease_until FROM ulak_messages").fetchall() == [(scope, None)]


def test_an_unreadable_answer_keeps_what_was_read_of_it(house):
    answer = UnreadableResponse("No JSON.", status=200, code="17", request_id="r-1")

    problem = raised(house.wire(answer), house.steps(ONE))

    assert (problem.sentence, problem.status, problem.code, problem.request_id) == (
        "No JSON.",
        200,
        "17",
        "r-1",
    )


def test_a_fault_of_ours_is_logged_with_its_place_but_not_with_the_words_that_may_quote_the_answer(
    house, caplog
):
    problem = raised(house.wire(ValueError("905321234567 got code 482913")), house.steps(ONE))

    assert "while the request was out (ValueError)" in caplog.text
    assert "scripted_vendor.py" in caplog.text
    assert "482913" not in caplog.text + str(problem) + repr(problem.__cause__) + repr(problem.__context__)


# --- the table "a caller meets" -------------------------------------------------------------------------

WORDS = InvalidRecipient(
    "The number does not exist.", vendor="turkeysms", operation="send_sms", code="TS-1027"
)
CLAIMED_AGAIN, RECEIPT, ERROR, UNKNOWN = (
    "is claimed",
    "gets the receipt",
    "is told the error",
    "is told the doubt",
)
MEETS = {
    # the row: (state, scope, stored error, what the next caller does by fail, accept, resend)
    "nothing": (None, None, None, [CLAIMED_AGAIN] * 3),
    "NOT_SENT": (State.NOT_SENT, None, NotSent("Refused."), [CLAIMED_AGAIN] * 3),
    "SUPPRESSED": (State.SUPPRESSED, None, None, [CLAIMED_AGAIN] * 3),
    "REJECTED account": (State.REJECTED, "account", InsufficientBalance("No credit."), [CLAIMED_AGAIN] * 3),
    "REJECTED recipient": (State.REJECTED, "recipient", WORDS, [ERROR] * 3),
    "REJECTED message": (State.REJECTED, "message", WORDS, [ERROR] * 3),
    "FAILED": (State.FAILED, None, WORDS, [ERROR] * 3),
    "ACCEPTED": (State.ACCEPTED, None, None, [RECEIPT] * 3),
    "DELIVERED": (State.DELIVERED, None, None, [RECEIPT] * 3),
    "NO_REPORT": (State.NO_REPORT, None, None, [RECEIPT] * 3),
    "UNKNOWN": (State.UNKNOWN, None, OutcomeUnknown("Cut."), [UNKNOWN, RECEIPT, CLAIMED_AGAIN]),
    "expired claim": (State.CLAIMED, None, None, [UNKNOWN, RECEIPT, CLAIMED_AGAIN]),
}


@pytest.mark.parametrize("choice", range(3), ids=["fail", "accept", "resend"])
@pytest.mark.parametrize("row", MEETS)
def test_what_a_caller_meets(house, tmp_path, caplog, row, choice):
    state, scope, stored, what = MEETS[row]
    if state is not None:
        put(house, tmp_path, state, scope, stored)
    house.clock.advance(3600)  # no claim of before is alive
    wire = house.wire(accepted("second"))
    steps = house.steps(ONE, on_unknown=["fail", "accept", "resend"][choice])

    match what[choice]:
        case "is claimed":
            (receipt,) = wire.run(steps)
            assert len(wire.requests) == 1
            assert (receipt.state, receipt.replayed) == (State.ACCEPTED, False)
            assert receipt.attempt == (1 if state is None else 2)
            assert (house.row().message_id, house.row().error) == ("second", None)
            assert "Not sent again" not in caplog.text
        case "gets the receipt":
            (receipt,) = wire.run(steps)
            assert wire.requests == []
            reads_as = State.UNKNOWN if state is State.CLAIMED else state
            assert (receipt.state, receipt.replayed, receipt.attempt) == (reads_as, True, 1)
            assert receipt.error is None
            assert receipt.message_id == ("first" if state is not State.CLAIMED else None)
            assert "Not sent again to +90 532 *** ** 67" in caplog.text
        case _:
            problem = raised(wire, steps)
            assert wire.requests == []
            assert type(problem) is (InvalidRecipient if what[choice] == ERROR else OutcomeUnknown)
            if stored is not None:
                assert problem.sentence == stored.sentence
                assert problem.code == stored.code
            (receipt,) = problem.receipts
            assert (receipt.replayed, receipt.error) == (True, problem.sentence)
            assert house.row().state is (State.UNKNOWN if state is State.CLAIMED else state)


def put(house, folder, state, scope, stored):
    """Send, and then let the row stand as if it had come to something else."""
    if state is State.CLAIMED:
        die_at_the_request(house, house.steps(ONE))
        return
    house.wire(accepted("first")).run(house.steps(ONE))
    error = None if stored is None else StoredError.of(stored).dump()
    with sqlite3.connect(folder / "ulak.db") as database:
        database.execute("UPDATE ulak_messages SET state = ?, scope = ?, error = ?", (state, scope, error))


def die_at_the_request(house, steps):
    """Run until the request is out, and go no further: the process was killed."""
    drive_to_the_request(steps)
    steps.close()


def test_an_expired_claim_is_written_as_unknown_on_the_next_touch(house):
    die_at_the_request(house, house.steps(ONE))
    house.clock.advance(45.1)

    problem = raised(house.wire(), house.steps(ONE))

    assert "stopped before its outcome was recorded" in str(problem)
    assert house.story() == ["caller nothing>CLAIMED", "clock CLAIMED>UNKNOWN"]


def test_a_row_that_failed_without_words_is_still_told_as_a_failure(house, tmp_path):
    put(house, tmp_path, State.FAILED, None, None)

    problem = raised(house.wire(), house.steps(ONE))

    assert type(problem) is DeliveryFailed
    assert problem.receipts[0].replayed


def test_a_replay_with_another_text_says_so_and_sends_nothing(house, caplog):
    house.wire(accepted()).run(house.steps(ONE))
    house.wire().run(house.steps(ONE))
    assert "another text" not in caplog.text

    (receipt,) = house.wire().run(house.steps(ONE, text="Your order is late."))

    assert receipt.replayed
    assert "with another text; use a new key to send the new text" in caplog.text
    assert "order is late" not in caplog.text


def test_a_replay_tells_of_the_vendor_and_connection_that_really_sent(house):
    house.wire(accepted("m-1", charged=Decimal("2.5"))).run(house.steps(ONE))
    other = ScriptedVendor(conn_id="spare")
    other.key = "bulutfon"

    (receipt,) = house.wire().run(house.steps(ONE, vendor=other))

    assert (receipt.vendor, receipt.conn_id) == ("turkeysms", "vendor_default")
    assert (receipt.message_id, receipt.charged, receipt.credits) == ("m-1", Decimal("2.5"), 1)


@pytest.mark.parametrize("charged", ["1", "100", "0.043", "12.5"])
def test_a_replay_tells_the_charge_as_the_first_receipt_did(house, charged):
    (first,) = house.wire(accepted(charged=Decimal(charged))).run(house.steps(ONE))

    (second,) = house.wire().run(house.steps(ONE))

    assert str(first.charged) == str(second.charged) == charged
    assert first.as_json()["charged"] == second.as_json()["charged"] == float(charged)


def test_the_advice_of_a_refusal_is_there_again_when_it_is_raised_again(house):
    refusal = Rejected("Spam.", scope="message", advice="Ask the vendor to allow the text.", status=400)
    first = str(raised(house.wire(refusal), house.steps(ONE)))

    assert str(raised(house.wire(), house.steps(ONE))) == first


# --- claims of somebody else ----------------------------------------------------------------------------


def test_who_meets_a_live_claim_waits_and_gets_the_receipt_of_the_one_message(house):
    first = house.steps(ONE)
    drive_to_the_request(first)
    waiting = house.wire()
    at_the_first_pause(waiting, lambda: house.wire().go_on(first, accepted("the only one")))

    (receipt,) = waiting.run(house.steps(ONE))

    assert waiting.requests == []
    assert len(waiting.pauses) == 1
    assert (receipt.state, receipt.message_id, receipt.replayed) == (State.ACCEPTED, "the only one", True)


def test_who_meets_a_claim_whose_owner_died_waits_for_its_lease_and_is_told_the_doubt(house):
    die_at_the_request(house, house.steps(ONE))
    waiting = house.wire()

    problem = raised(waiting, house.steps(ONE))

    assert type(problem) is OutcomeUnknown
    assert waiting.requests == []
    assert sum(waiting.pauses) == pytest.approx(45, abs=0.1)
    assert max(waiting.pauses) <= 1


def comes_to_nothing(house, steps):
    with pytest.raises(NotSent):
        house.wire().go_on(steps, Thrown(NotSent("The connection was refused.")))


def test_who_waited_long_for_a_claim_that_came_to_nothing_may_still_send(house):
    first = house.steps(ONE)
    drive_to_the_request(first)
    waiting = house.wire(accepted())

    def take_long(step):
        if isinstance(step, Pause) and sum(waiting.pauses) > 30 > sum(waiting.pauses[:-1]):
            comes_to_nothing(house, first)

    waiting.after = take_long

    (receipt,) = waiting.run(house.steps(ONE))

    assert (receipt.state, receipt.attempt) == (State.ACCEPTED, 2)
    assert waiting.left == [pytest.approx(15)]


def test_who_waits_for_others_that_claim_again_and_again_gives_up_with_a_moment_to_come_back(house):
    owner = Attempt()
    claims = [claim for group in call_of(house).groups([Sms(to=ONE, text="x")]) for claim in group]

    def claim_again(step):
        if isinstance(step, Pause):
            house.ledger.release(owner)
            house.ledger.claim(claims, owner, lease=45, on_unknown="fail")

    house.ledger.claim(claims, owner, lease=45, on_unknown="fail")
    waiting = house.wire(before=claim_again)

    problem = raised(waiting, house.steps(ONE, TWO))

    assert type(problem) is RateLimited
    assert timedelta(0) < problem.retry_at - datetime.now(UTC) <= timedelta(seconds=45)
    assert 90 < sum(waiting.pauses) < 92
    assert [receipt.state for receipt in problem.receipts] == [State.CLAIMED, State.NOT_SENT]
    assert waiting.requests == []


def call_of(house):
    return dispatch._Call(ScriptedVendor(), "send_sms", Origin.named("k"), house.ledger, Policy())


def test_what_is_free_goes_out_before_waiting_for_what_somebody_else_holds(house):
    house.limit = 3
    first = house.steps(TWO)
    drive_to_the_request(first)
    mine = house.wire(accepted("mine"))
    at_the_first_pause(mine, lambda: house.wire().go_on(first, accepted("the only one")))

    receipts = mine.run(house.steps(messages=[Sms(to=(ONE, TWO, THREE), text="Your order has left.")]))

    assert mine.recipients == [[ONE, THREE]]
    assert [r.message_id for r in receipts] == ["mine", "the only one", "mine"]
    assert [r.replayed for r in receipts] == [False, True, False]


# --- leases ---------------------------------------------------------------------------------------------


def test_a_request_must_begin_within_the_margin_counted_from_before_the_claim(house):
    wire = house.wire(accepted())
    wire.before = lambda step: house.clock.advance(4) if isinstance(step, Work) else None

    wire.run(house.steps(ONE, deadline=30, margin=15))

    assert wire.left == [pytest.approx(11)]


def test_a_request_that_began_in_time_ends_before_its_claim_does(house, tmp_path):
    def watch(step):
        if isinstance(step, httpx.Request):
            with sqlite3.connect(tmp_path / "ulak.db") as database:
                (until,) = database.execute("SELECT lease_until FROM ulak_messages").fetchone()
            assert house.clock.now + house.clock.left(step) + 20 <= until + 0.001

    house.wire(accepted(), before=watch).run(house.steps(ONE, deadline=20, margin=7))


def test_an_owner_that_comes_back_after_its_lease_still_records_that_it_was_accepted(house):
    first = house.steps(ONE)
    drive_to_the_request(first)
    house.clock.advance(46)
    raised(house.wire(), house.steps(ONE))
    assert house.row().state is State.UNKNOWN

    house.wire().go_on(first, accepted("the only one"))

    assert house.row().state is State.ACCEPTED
    assert house.story()[-2:] == ["clock CLAIMED>UNKNOWN", "owner UNKNOWN>ACCEPTED"]
    assert house.wire().run(house.steps(ONE))[0].message_id == "the only one"


def test_an_owner_that_comes_back_after_somebody_resent_leaves_the_row_alone_but_not_unsaid(house, caplog):
    late = house.steps(ONE)
    drive_to_the_request(late)
    house.clock.advance(46)
    house.wire(accepted("second")).run(house.steps(ONE, on_unknown="resend"))

    (receipt,) = house.wire().go_on(late, accepted("first"))

    assert (receipt.state, receipt.message_id, receipt.recorded) == (State.ACCEPTED, "first", False)
    assert (house.row().state, house.row().message_id, house.row().attempt) == (State.ACCEPTED, "second", 2)
    (*_, last) = house.ledger.timeline(house.row())
    assert (last.actor, last.before, last.after) == (Actor.OWNER, State.ACCEPTED, State.ACCEPTED)
    assert last.detail == "a late attempt ended as ACCEPTED, message id first"
    assert "after its row had gone on without it" in caplog.text


def test_an_owner_that_comes_back_after_a_person_said_it_arrived_adds_the_vendors_id(house):
    late = house.steps(ONE)
    drive_to_the_request(late)
    house.clock.advance(46)
    house.ledger.resolve(house.row(), arrived=True, who="ayse", why="she has it")

    (receipt,) = house.wire().go_on(late, accepted("first"))

    assert receipt.recorded
    assert (house.row().state, house.row().message_id) == (State.ACCEPTED, "first")


def test_an_owner_that_comes_back_after_a_person_said_it_never_arrived_knows_better(house):
    late = house.steps(ONE)
    drive_to_the_request(late)
    house.clock.advance(46)
    house.ledger.resolve(house.row(), arrived=False, who="ayse", why="nothing there")

    house.wire().go_on(late, accepted("first"))

    assert house.row().state is State.ACCEPTED
    assert house.wire().run(house.steps(ONE))[0].replayed


# --- several messages -----------------------------------------------------------------------------------


def test_every_recipient_gets_a_receipt_in_the_order_of_the_call(house):
    wire = house.wire(accepted("a"), accepted("b"), accepted("c"))

    receipts = wire.run(house.steps(ONE, TWO, ONE))

    assert [(r.to, r.message_id) for r in receipts] == [(ONE, "a"), (TWO, "b"), (ONE, "c")]
    assert len({r.key for r in receipts}) == 3
    assert len({r.report_id for r in receipts}) == 3


def test_one_task_may_send_two_texts_to_one_number_and_no_retry_sends_either_again(house):
    texts = [Sms(to=ONE, text="One."), Sms(to=ONE, text="Two.")]
    house.wire(accepted("a"), accepted("b")).run(house.steps(messages=texts, origin=TASK))

    again = house.wire()
    receipts = again.run(house.steps(messages=texts, origin=TASK))

    assert again.requests == []
    assert [r.message_id for r in receipts] == ["a", "b"]


def test_the_same_message_twice_in_one_call_is_two_messages(house):
    sms = Sms(to=(ONE, TWO), text="Ping.")
    wire = house.wire(*map(accepted, "abcd"))

    receipts = wire.run(house.steps(messages=[sms, sms]))

    assert wire.recipients == [[ONE], [TWO], [ONE], [TWO]]
    assert [r.message_id for r in receipts] == ["a", "b", "c", "d"]


def test_one_person_in_two_spellings_of_an_address_gets_both_mails(house):
    mails = [
        Email(to="Ayse@example.com", subject="One", text="x"),
        Email(to="ayse@example.com", subject="Two", text="x"),
    ]
    wire = house.wire(accepted("a"), accepted("b"))

    receipts = wire.run(house.steps(messages=mails, operation="send_email"))

    assert [body_of(r)["subject"] for r in wire.requests] == ["One", "Two"]
    assert [r.replayed for r in receipts] == [False, False]


def test_a_message_for_many_goes_out_in_requests_of_the_vendors_size(house):
    house.limit = 2
    wire = house.wire(accepted("a", charged=Decimal(2)), accepted("b", charged=Decimal(1)))

    receipts = wire.run(house.steps(messages=[Sms(to=(ONE, TWO, THREE), text="Hello.")]))

    assert wire.recipients == [[ONE, TWO], [THREE]]
    assert [r.message_id for r in receipts] == ["a", "a", "b"]
    # What a request for two cost cannot be told apart; what one for one recipient cost can.
    assert [r.charged for r in receipts] == [None, None, Decimal(1)]


def test_messages_of_their_own_for_each_share_requests(house):
    house.limit = 2
    each = [WhatsApp(to=number, text=f"Hello {number[-1]}") for number in (ONE, TWO, THREE)]
    wire = house.wire(accepted("a", charged=Decimal(2)), accepted("b"))

    receipts = wire.run(house.steps(messages=each, operation="send_whatsapp_each"))

    assert [body_of(r)["texts"] for r in wire.requests] == [["Hello 7", "Hello 8"], ["Hello 9"]]
    assert [r.message_id for r in receipts] == ["a", "a", "b"]
    assert [r.charged for r in receipts] == [None, None, None]


def test_no_messages_are_no_receipts(house):
    assert house.wire().run(send(ScriptedVendor(), "send_sms", [], origin=TASK, ledger=house.ledger)) == []


def test_a_second_message_that_cannot_be_sent_shows_before_the_first_goes_out(house):
    class Choosy(ScriptedVendor):
        def check(self, to):
            if TWO in to:
                raise InvalidMessage("The number is a landline.")

    wire = house.wire(accepted())

    problem = raised(wire, house.steps(ONE, TWO, vendor=Choosy()))

    assert type(problem) is InvalidMessage
    assert (problem.vendor, problem.operation) == ("turkeysms", "send_sms")
    assert wire.requests == []
    assert house.states() == {}


def test_an_operation_that_the_vendor_lacks_is_refused_before_anything(house):
    class NoMail(ScriptedVendor):
        send_email = None

    problem = raised(house.wire(), house.steps(ONE, operation="send_email", vendor=NoMail()))

    assert type(problem) is UnsupportedOperation
    assert "TurkeySMS has no operation 'send_email'" in str(problem)
    assert "argepanel" in str(problem)
    assert house.states() == {}


def test_after_a_refusal_of_the_account_the_rest_is_not_claimed_and_can_be_sent_later(house):
    wire = house.wire(accepted("a"), InsufficientBalance("No credit."))

    problem = raised(wire, house.steps(ONE, TWO, THREE, FOUR))

    assert type(problem) is InsufficientBalance
    assert str(problem).startswith(
        "turkeysms send_sms: 1 of 4 recipients are fine; the gravest of the others: No cr"
    )
    assert wire.recipients == [[ONE], [TWO]]
    assert house.states() == {ONE: State.ACCEPTED, TWO: State.REJECTED}
    assert [r.state for r in problem.receipts] == [
        State.ACCEPTED,
        State.REJECTED,
        State.NOT_SENT,
        State.NOT_SENT,
    ]
    assert all("No credit" in r.error for r in problem.receipts[1:])
    assert [r.attempt for r in problem.receipts] == [1, 1, 0, 0]
    assert all(len(r.key) == 64 for r in problem.receipts)

    later = house.wire(accepted("b"), accepted("c"), accepted("d"))
    receipts = later.run(house.steps(ONE, TWO, THREE, FOUR))

    assert later.recipients == [[TWO], [THREE], [FOUR]]
    assert [r.message_id for r in receipts] == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    "answer",
    [
        Thrown(VendorUnavailable("The connection was refused.")),
        RateLimited("Slower."),
        Thrown(ConfigurationError("No such CA file.")),
    ],
    ids=["line", "pace", "configuration"],
)
def test_what_holds_for_the_line_stops_the_call_as_well(house, answer):
    wire = house.wire(answer)

    problem = raised(wire, house.steps(ONE, TWO))

    assert wire.recipients == [[ONE]]
    assert house.states() == {ONE: State.NOT_SENT}
    assert [r.state for r in problem.receipts] == [State.NOT_SENT, State.NOT_SENT]


@pytest.mark.parametrize(
    "answer",
    [InvalidRecipient("No such number."), Rejected("Spam."), OutcomeUnknown("HTTP 500."), ValueError("ours")],
    ids=["recipient", "message", "unknown", "fault"],
)
def test_what_holds_for_one_recipient_does_not_stop_the_others(house, answer):
    wire = house.wire(answer, accepted("b"))

    problem = raised(wire, house.steps(ONE, TWO))

    assert wire.recipients == [[ONE], [TWO]]
    assert house.states()[TWO] is State.ACCEPTED
    assert problem.receipts[1].message_id == "b"


def test_who_was_reached_by_an_earlier_run_is_not_reported_as_unsent_when_a_later_one_stops_early(house):
    house.wire(accepted("b")).run(house.steps(TWO))
    raised(house.wire(OutcomeUnknown("HTTP 500.")), house.steps(THREE))

    problem = raised(house.wire(AuthenticationFailed("Wrong key.")), house.steps(ONE, TWO, THREE, FOUR))

    assert type(problem) is OutcomeUnknown
    assert [(r.state, r.message_id, r.replayed) for r in problem.receipts] == [
        (State.REJECTED, None, False),
        (State.ACCEPTED, "b", True),
        (State.UNKNOWN, None, True),
        (State.NOT_SENT, None, False),
    ]
    assert [r.error is None for r in problem.receipts] == [False, True, False, False]


def test_the_gravest_of_several_failures_is_raised(house):
    def first_to_fail(*answers):
        numbers = [ONE, TWO, THREE, FOUR][: len(answers)]
        key = "/".join(map(repr, answers))
        return type(raised(house.wire(*answers), house.steps(*numbers, key=key)))

    assert first_to_fail(InvalidRecipient("a"), OutcomeUnknown("b"), RateLimited("c")) is OutcomeUnknown
    assert first_to_fail(InvalidRecipient("a"), RateLimited("c")) is RateLimited
    assert first_to_fail(Refused("a"), InvalidRecipient("b")) is InvalidRecipient


# --- refused recipients, splitting ----------------------------------------------------------------------


def test_recipients_that_the_vendor_left_out_are_rejected_and_the_others_accepted(house):
    house.limit = 3
    answer = accepted("m", refused={TWO: "905321234568 geçersiz"})

    problem = raised(house.wire(answer), house.steps(messages=[Sms(to=(ONE, TWO, THREE), text="Hello.")]))

    assert (type(problem), problem.scope) == (Rejected, "recipient")
    assert "905321234568" not in str(problem)
    assert "geçersiz" in str(problem)
    assert house.states() == {ONE: State.ACCEPTED, TWO: State.REJECTED, THREE: State.ACCEPTED}
    assert [r.message_id for r in problem.receipts] == ["m", None, "m"]
    assert type(raised(house.wire(), house.steps(TWO))) is Rejected


class Pedant:
    """Refuses whole requests while a bad number is among their recipients."""

    def __init__(self, bad, error):
        self.bad = bad
        self.error = error

    def __call__(self, request):
        return self.error if self.bad & set(body_of(request)["to"]) else accepted("m")


@pytest.mark.parametrize("scope", ["recipient", "message"])
@pytest.mark.parametrize("bad", [{ONE}, {THREE}, {FOUR}, {ONE, FOUR}, {ONE, TWO, THREE, FOUR}], ids=len)
def test_a_definite_refusal_of_many_is_halved_until_the_bad_rows_are_alone(house, bad, scope):
    house.limit = 10
    wire = Wire(Pedant(bad, Rejected("Invalid number.", scope=scope)), house.clock)
    everybody = (ONE, TWO, THREE, FOUR)

    problem = raised(wire, house.steps(messages=[Sms(to=everybody, text="Hello.")]))

    assert house.states() == {to: State.REJECTED if to in bad else State.ACCEPTED for to in everybody}
    assert [r.to for r in problem.receipts] == list(everybody)
    served = [set(to) for to in wire.recipients if not bad & set(to)]
    assert sorted(to for group in served for to in group) == sorted(set(everybody) - bad)
    assert "is split: Invalid number." in house.ledger.timeline(house.row(ONE))[1].detail


def test_many_messages_of_their_own_are_halved_as_well(house):
    house.limit = 4
    wire = Wire(Pedant({TWO}, Rejected("Bad row.")), house.clock)
    each = [WhatsApp(to=number, text=f"Hello {number[-1]}") for number in (ONE, TWO, THREE)]

    raised(wire, house.steps(messages=each, operation="send_whatsapp_each"))

    assert house.states() == {ONE: State.ACCEPTED, TWO: State.REJECTED, THREE: State.ACCEPTED}
    assert [body_of(r)["texts"] for r in wire.requests] == [
        ["Hello 7", "Hello 8", "Hello 9"],
        ["Hello 7", "Hello 8"],
        ["Hello 7"],
        ["Hello 8"],
        ["Hello 9"],
    ]


def test_an_account_refusal_of_many_is_definite_for_all_and_not_split(house):
    house.limit = 10
    wire = house.wire(InsufficientBalance("No credit."))

    raised(wire, house.steps(messages=[Sms(to=(ONE, TWO), text="Hello.")]))

    assert len(wire.requests) == 1
    assert house.states() == {ONE: State.REJECTED, TWO: State.REJECTED}


def test_an_unknown_outcome_of_many_is_unknown_for_all_and_not_split(house):
    house.limit = 10
    wire = house.wire(OutcomeUnknown("HTTP 502."))

    raised(wire, house.steps(messages=[Sms(to=(ONE, TWO), text="Hello.")]))

    assert len(wire.requests) == 1
    assert house.states() == {ONE: State.UNKNOWN, TWO: State.UNKNOWN}


def test_a_split_stops_as_soon_as_the_account_is_refused(house):
    house.limit = 10
    wire = house.wire(Rejected("Invalid number."), InsufficientBalance("No credit."))

    problem = raised(wire, house.steps(messages=[Sms(to=(ONE, TWO, THREE, FOUR), text="Hello.")]))

    assert wire.recipients == [[ONE, TWO, THREE, FOUR], [ONE, TWO]]
    assert [r.state for r in problem.receipts] == [State.REJECTED] * 2 + [State.NOT_SENT] * 2
    assert type(problem) is InsufficientBalance


# --- mail and one-time codes ----------------------------------------------------------------------------

MAIL = {"subject": "Invoice", "text": "Attached.", "cc": "boss@example.com", "bcc": "archive@example.com"}
AYSE, BORA, CEM = "ayse@example.com", "bora@example.com", "cem@example.com"


def mail(house, *to, **more):
    return house.steps(messages=[Email(to=to, **MAIL)], operation="send_email", **more)


def test_all_recipients_of_a_mail_stand_in_one_envelope(house):
    wire = house.wire(accepted())

    wire.run(mail(house, AYSE, BORA, CEM))

    assert wire.recipients == [[AYSE, BORA, CEM]]
    assert body_of(wire.requests[0])["cc"] == ["boss@example.com"]


def test_a_refused_mail_is_not_split_because_its_copies_would_go_out_twice(house):
    wire = house.wire(Rejected("Bad address."))

    raised(wire, mail(house, AYSE, BORA))

    assert len(wire.requests) == 1
    assert set(house.states().values()) == {State.REJECTED}


def test_a_mail_that_reaches_a_further_recipient_later_has_no_copies_a_second_time(house, caplog):
    house.wire(accepted()).run(mail(house, AYSE))
    wire = house.wire(accepted())

    wire.run(mail(house, AYSE, BORA))

    (request,) = wire.requests
    assert (body_of(request)["to"], body_of(request)["cc"], body_of(request)["bcc"]) == ([BORA], [], [])
    assert "without cc and bcc" in caplog.text


def test_copies_go_once_when_somebody_else_has_an_envelope_under_way(house):
    first = mail(house, BORA)
    drive_to_the_request(first)
    mine = house.wire(accepted("mine"), accepted("instead"))
    at_the_first_pause(mine, lambda: comes_to_nothing(house, first))
    mine.run(mail(house, AYSE, BORA))

    assert len({body_of(request)["report_id"] for request in mine.requests}) == 2
    # The other envelope came to nothing, so its copies are still owed, and the second of mine takes them.
    assert [(body_of(r)["to"], len(body_of(r)["cc"])) for r in mine.requests] == [([AYSE], 0), ([BORA], 1)]


def test_copies_do_not_go_again_with_those_who_were_waited_for(house):
    house.wire(accepted()).run(mail(house, CEM))
    first = mail(house, BORA)
    drive_to_the_request(first)
    mine = house.wire(accepted("mine"), accepted("instead"))
    at_the_first_pause(mine, lambda: comes_to_nothing(house, first))
    mine.run(mail(house, AYSE, BORA, CEM))

    assert [(body_of(r)["to"], len(body_of(r)["cc"])) for r in mine.requests] == [([AYSE], 0), ([BORA], 0)]


def test_a_mail_that_did_not_leave_goes_out_whole_the_next_time(house):
    raised(house.wire(RateLimited("Slower.")), mail(house, AYSE, BORA))
    wire = house.wire(accepted())

    wire.run(mail(house, AYSE, BORA))

    assert len(body_of(wire.requests[0])["cc"]) == 1


def test_the_code_is_for_the_caller_of_the_first_send_alone_and_never_in_the_ledger(house, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    steps = {"messages": [Otp(to=ONE)], "operation": "send_otp"}

    (receipt,) = house.wire(with_code("482913")).run(house.steps(**steps))
    problem = raised(house.wire(), house.steps(**steps))

    assert receipt.code.get_secret_value() == "482913"
    assert "482913" not in repr(receipt) + json.dumps(receipt.as_json(full=True)) + caplog.text
    assert type(problem) is CodeNotRetained
    assert "Use a new key" in str(problem)
    assert (problem.receipts[0].state, problem.receipts[0].code) == (State.ACCEPTED, None)
    files = list(tmp_path.iterdir())
    assert len(files) >= 2
    assert not [file.name for file in files if b"482913" in file.read_bytes()]


@pytest.mark.parametrize(("on_unknown", "error"), [("fail", OutcomeUnknown), ("accept", CodeNotRetained)])
def test_a_code_that_may_have_gone_out_is_gone_whatever_the_caller_accepts(house, on_unknown, error):
    steps = {"messages": [Otp(to=ONE)], "operation": "send_otp"}
    raised(house.wire(OutcomeUnknown("HTTP 500.")), house.steps(**steps))

    problem = raised(house.wire(), house.steps(**steps, on_unknown=on_unknown))

    assert type(problem) is error
    assert "may have gone out" in str(problem) or "may or may not" in str(problem)


def test_a_code_that_was_refused_tells_the_refusal_again(house):
    steps = {"messages": [Otp(to=ONE)], "operation": "send_otp"}
    raised(house.wire(InvalidRecipient("No such number.")), house.steps(**steps))

    assert type(raised(house.wire(), house.steps(**steps))) is InvalidRecipient


# --- the ledger fails -----------------------------------------------------------------------------------


class Broken(Wire):
    """A line on which the ledger's work of the given numbers fails, before or after it is done."""

    def __init__(self, answer, clock, failing, *, done=False, error=None):
        super().__init__(list(answer), clock)
        self.failing = set(failing)
        self.done = done
        self.error = error or sqlite3.OperationalError("disk I/O error")
        self.works = 0

    def _perform(self, step):
        if not isinstance(step, Work):
            return super()._perform(step)
        self.works += 1
        if self.works not in self.failing:
            return super()._perform(step)
        if self.done:
            super()._perform(step)
        raise self.error


def test_a_ledger_that_fails_before_the_send_means_that_nothing_is_sent(house):
    wire = Broken([], house.clock, {1, 2})

    problem = raised(wire, house.steps(ONE))

    assert type(problem) is NotSent
    assert str(problem).startswith(
        "turkeysms send_sms: The ledger could not take the claim (OperationalError)"
    )
    assert wire.requests == []
    assert [r.state for r in problem.receipts] == [State.NOT_SENT]


def test_a_ledger_that_fails_between_two_messages_does_not_forget_the_first(house):
    wire = Broken([OutcomeUnknown("HTTP 500."), accepted("b")], house.clock, {5})

    problem = raised(wire, house.steps(ONE, TWO, THREE, FOUR))

    assert type(problem) is OutcomeUnknown
    assert wire.recipients == [[ONE], [TWO]]
    assert [(r.state, r.message_id) for r in problem.receipts] == [
        (State.UNKNOWN, None),
        (State.ACCEPTED, "b"),
        (State.NOT_SENT, None),
        (State.NOT_SENT, None),
    ]


def test_a_ledger_that_fails_but_can_tell_that_all_went_out_earlier_is_no_failure(house):
    house.wire(accepted("a"), accepted("b")).run(house.steps(ONE, TWO))

    receipts = Broken([], house.clock, {1}).run(house.steps(ONE, TWO))

    assert [(r.message_id, r.replayed) for r in receipts] == [("a", True), ("b", True)]


def test_a_ledger_that_stays_broken_is_asked_no_more_than_once_about_the_rest(house):
    wire = Broken([], house.clock, range(1, 100))

    problem = raised(wire, house.steps(ONE, TWO, THREE, FOUR))

    assert wire.works == 2
    assert [r.state for r in problem.receipts] == [State.NOT_SENT] * 4


def test_a_configuration_fault_of_the_ledger_is_raised_as_such(house):
    wire = Broken([], house.clock, {1}, error=ConfigurationError("Another secret."))

    assert type(raised(wire, house.steps(ONE))) is ConfigurationError


def test_a_ledger_that_fails_after_the_send_is_loud_but_looks_like_no_failure(house, caplog):
    (receipt,) = Broken([accepted("m-1")], house.clock, {2}).run(house.steps(ONE))

    assert (receipt.state, receipt.message_id, receipt.recorded) == (State.ACCEPTED, "m-1", False)
    assert "could not record 1 outcome(s) of vendor_default (first: ACCEPTED)" in caplog.text
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    house.clock.advance(46)
    assert type(raised(house.wire(), house.steps(ONE))) is OutcomeUnknown


@pytest.mark.parametrize(
    "answer",
    [
        accepted(),
        NotSent("Too late."),
        RateLimited("Slower."),
        OutcomeUnknown("500."),
        Rejected("Spam."),
        ValueError("x"),
    ],
    ids=lambda answer: type(answer).__name__,
)
def test_nothing_that_invites_a_retry_is_raised_when_the_outcome_could_not_be_recorded(house, answer):
    wire = Broken([answer], house.clock, {2})

    if isinstance(answer, Accepted):
        (receipt,) = wire.run(house.steps(ONE))
    else:
        problem = raised(wire, house.steps(ONE))
        (receipt,) = problem.receipts
        assert not isinstance(problem, NotSent)
        assert (problem.vendor, problem.operation) == ("turkeysms", "send_sms")

    assert receipt.recorded is False


def test_what_did_not_go_out_and_could_not_be_recorded_says_both(house):
    problem = raised(Broken([NotSent("Too late to begin.")], house.clock, {2}), house.steps(ONE, TWO))

    assert "Too late to begin, and the ledger could not record that nothing went out." in str(problem)
    assert "ulak ledger resolve --not-arrived" in str(problem)
    assert [r.state for r in problem.receipts] == [State.NOT_SENT, State.NOT_SENT]


def test_a_split_that_could_not_be_recorded_does_not_send_a_second_request(house):
    house.limit = 10
    wire = Broken([Rejected("Bad row.")], house.clock, {2})

    problem = raised(wire, house.steps(messages=[Sms(to=(ONE, TWO), text="Hello.")]))

    assert len(wire.requests) == 1
    assert type(problem) is OutcomeUnknown


# --- interruptions --------------------------------------------------------------------------------------

STOPS = [KeyboardInterrupt, SystemExit, asyncio.CancelledError]


def stopped(wire, steps, kind):
    with pytest.raises(kind):
        wire.run(steps)


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("stop", STOPS)
def test_stopped_while_claiming_gives_the_claim_back(house, stop, done):
    wire = Broken([], house.clock, {1}, done=done, error=stop())

    stopped(wire, house.steps(ONE), stop)

    assert wire.requests == []
    assert house.states() == ({ONE: State.NOT_SENT} if done else {})
    assert house.wire(accepted()).run(house.steps(ONE))[0].state is State.ACCEPTED


def test_stopped_while_claiming_on_a_ledger_that_fails_is_still_stopped(house):
    wire = Broken([], house.clock, {1}, done=True, error=KeyboardInterrupt())
    wire.failing = {1}

    class Full(Broken):
        def _perform(self, step):
            if isinstance(step, Work) and self.works == 1:
                raise sqlite3.OperationalError("database or disk is full")
            return super()._perform(step)

    wire = Full([], house.clock, {1}, done=True, error=KeyboardInterrupt())

    stopped(wire, house.steps(ONE), KeyboardInterrupt)

    assert house.states() == {ONE: State.CLAIMED}


@pytest.mark.parametrize("stop", STOPS)
def test_stopped_while_a_request_is_out_leaves_the_outcome_unknown(house, stop):
    house.limit = 2
    message = Sms(to=(ONE, TWO), text="Hello.")

    stopped(house.wire(Thrown(stop())), house.steps(messages=[message]), stop)

    assert house.states() == {ONE: State.UNKNOWN, TWO: State.UNKNOWN}
    assert f"stopped by {stop.__name__} during the send" in house.row().error
    wire = house.wire()
    assert type(raised(wire, house.steps(messages=[message]))) is OutcomeUnknown
    assert wire.requests == []


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("stop", STOPS)
def test_stopped_while_recording_still_records(house, stop, done):
    wire = Broken([accepted("m-1")], house.clock, {2}, done=done, error=stop())

    stopped(wire, house.steps(ONE), stop)

    assert (house.row().state, house.row().message_id) == (State.ACCEPTED, "m-1")
    assert house.wire().run(house.steps(ONE))[0].message_id == "m-1"


@pytest.mark.parametrize(
    ("step", "states"),
    [("claim", {}), ("request", {ONE: State.CLAIMED}), ("record", {ONE: State.CLAIMED})],
)
def test_steps_that_are_closed_end_at_once_and_leave_their_row_to_the_lease(house, step, states):
    steps = house.steps(ONE)
    claim = next(steps)
    if step != "claim":
        steps.send(claim.call())
    if step == "record":
        steps.send(httpx.Response(200, extensions={"said": accepted()}))

    steps.close()

    assert house.states() == states


def test_stopped_while_waiting_for_somebody_else_leaves_their_claim_alone(house):
    die_at_the_request(house, house.steps(ONE))

    def interrupt(step):
        if isinstance(step, Pause):
            raise KeyboardInterrupt

    stopped(house.wire(before=interrupt), house.steps(ONE), KeyboardInterrupt)

    assert house.row().state is State.CLAIMED


def test_a_kill_while_a_request_is_out_reads_as_unknown_once_the_lease_has_ended(house):
    die_at_the_request(house, house.steps(ONE))
    assert house.row().state is State.CLAIMED
    house.clock.advance(44.9)
    assert house.row().state is State.CLAIMED

    house.clock.advance(0.2)

    assert (house.row().state, house.row().lease_ended) == (State.UNKNOWN, True)


async def test_a_cancelled_task_has_its_doubt_written_down_before_it_ends(tmp_path, server):
    ledger = open_ledger(tmp_path)
    vendor = ScriptedVendor()
    vendor.account = vendor.account.model_copy(update={"base_url": server.url().removesuffix("/")})
    server.fault = hang
    driver = AsyncDriver()
    steps = send(vendor, "send_sms", [Sms(to=ONE, text="Hello.")], origin=TASK, ledger=ledger)
    task = asyncio.create_task(driver.run(steps))
    await asyncio.to_thread(server.arrived.wait)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    (entry,) = ledger.entries()
    assert (entry.state, entry.error) == (
        State.UNKNOWN,
        "The process was stopped by CancelledError during the send.",
    )
    await driver.aclose()
    ledger.close()


# --- a rebuilt request ----------------------------------------------------------------------------------


class Moody(ScriptedVendor):
    """Fails to build what it was fine with before."""

    def __init__(self, error):
        super().__init__(limit=2)
        self.error = error

    def check(self, to):
        if to == (TWO,):
            raise self.error


@pytest.mark.parametrize(
    ("error", "kind"), [(InvalidMessage("Lonely."), InvalidMessage), (ValueError("a bug"), NotSent)]
)
def test_what_cannot_be_built_after_the_claim_is_recorded_as_not_sent(house, error, kind):
    house.wire(accepted("a")).run(house.steps(ONE))
    wire = house.wire()

    problem = raised(wire, house.steps(messages=[Sms(to=(ONE, TWO), text="Hello.")], vendor=Moody(error)))

    assert type(problem) is kind
    assert wire.requests == []
    assert house.states() == {ONE: State.ACCEPTED, TWO: State.NOT_SENT}
    assert [r.message_id for r in problem.receipts] == ["a", None]


# --- privacy --------------------------------------------------------------------------------------------


def test_no_log_line_holds_a_number_a_text_or_a_key(house, caplog):
    caplog.set_level(logging.DEBUG)
    house.wire(accepted()).run(house.steps(ONE))
    house.wire().run(house.steps(ONE, text="Another secret text."))
    raised(house.wire(ValueError(f"{TWO} {API_KEY}")), house.steps(TWO))
    Broken([accepted()], house.clock, {2}).run(house.steps(THREE))
    raised(Broken([], house.clock, {1}), house.steps(FOUR))

    for word in (ONE[1:], TWO[1:], THREE[1:], FOUR[1:], "secret text", "order has left", API_KEY):
        assert word not in caplog.text


def test_an_error_with_receipts_can_be_pickled_and_shows_nobody_in_full(house):
    problem = raised(house.wire(accepted(), InvalidRecipient("No such number.")), house.steps(ONE, TWO))

    copy = pickle.loads(pickle.dumps(problem))

    assert (type(copy), str(copy)) == (type(problem), str(problem))
    assert copy.receipts == problem.receipts
    assert ONE not in str(copy) + repr(copy) + repr(copy.receipts)
