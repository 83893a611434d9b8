"""The ledger by itself: keys, what stands in the file, who may record, what people read and resolve."""

from __future__ import annotations

import os
import sqlite3
from dataclasses import replace
from decimal import Decimal
from itertools import product

import pytest
from sqlalchemy.exc import IntegrityError

from airflow_provider.engine.errors import (
    ConfigurationError,
    InvalidMessage,
    InvalidRecipient,
    MessagingError,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    Rejected,
)
from airflow_provider.engine.ledger import database
from airflow_provider.engine.ledger.claims import Attempt, Claim, Origin, Outcome, StoredError
from airflow_provider.engine.ledger.secret import Secret
from airflow_provider.engine.ledger.states import Actor, IllegalMove, Verdict, may_move
from airflow_provider.engine.ledger.store import SqlLedger, _change, messages
from airflow_provider.engine.messages import Attachment, Channel, Email, Otp, Sms, State, WhatsApp
from tests.engine.scripted_vendor import Clock, open_ledger

NUMBER, OTHER = "+905321234567", "+905321234568"
TASK = Origin.task("orders", "manual__1", "notify", -1)


@pytest.fixture
def clock():
    with Clock() as clock:
        yield clock


@pytest.fixture
def ledger(tmp_path, clock):
    ledger = open_ledger(tmp_path)
    yield ledger
    ledger.close()


def wanted(origin=TASK, to=NUMBER, ordinal=0, message=None, **more):
    message = message or Sms(to=to, text="Your order has left.")
    fields = {"vendor": "turkeysms", "conn_id": "sms", "operation": "send_sms", "credits": 1, **more}
    return Claim(origin, message.channel, to, ordinal, message=message, **fields)


def claim(ledger, *claims, attempt=None, lease=45.0, on_unknown="fail"):
    return ledger.claim(claims or [wanted()], attempt or Attempt(), lease=lease, on_unknown=on_unknown)


def came_to(ledger, state, *, attempt=None, claims=(), **outcome):
    """Claim, and record what became of it."""
    attempt = attempt or Attempt()
    found = claim(ledger, *claims, attempt=attempt)
    assert ledger.record(attempt, [Outcome(row.key, state, **outcome) for row in found])
    return found


def story(ledger, entry):
    return [f"{e.actor} {e.before or 'nothing'}>{e.after}" for e in ledger.timeline(entry)]


def tables(folder):
    """Everything that stands in the database."""
    with sqlite3.connect(folder / "ulak.db") as connection:
        names = ("ulak_ledger", "ulak_messages", "ulak_events")
        return {name: connection.execute(f"SELECT * FROM {name}").fetchall() for name in names}


def set_state(folder, state, scope=None):
    with sqlite3.connect(folder / "ulak.db") as connection:
        connection.execute("UPDATE ulak_messages SET state = ?, scope = ?", (state, scope))


# --- keys -----------------------------------------------------------------------------------------------


def test_the_next_try_meets_the_row_of_the_first(ledger):
    (first,) = came_to(ledger, State.NOT_SENT)
    (second,) = came_to(ledger, State.ACCEPTED)
    (third,) = claim(ledger)

    assert first.key == second.key == third.key
    assert [first.attempt, second.attempt, third.attempt] == [1, 2, 2]
    assert (third.verdict, third.state) == (Verdict.REPLAY, State.ACCEPTED)
    assert len(ledger.entries()) == 1


DIFFERENT = {
    "another run": wanted(Origin.task("orders", "manual__2", "notify", -1)),
    "another map index": wanted(Origin.task("orders", "manual__1", "notify", 0)),
    "cleared to send anew": wanted(Origin.task("orders", "manual__1", "notify", -1, clear=0)),
    "cleared once more": wanted(Origin.task("orders", "manual__1", "notify", -1, clear=1)),
    "parts moved": wanted(Origin.task("orders", "manual__1notify", "", -1)),
    "another number": wanted(to=OTHER),
    "its second message": wanted(ordinal=1),
    "another channel": wanted(message=WhatsApp(to=NUMBER, text="Your order has left.")),
    "a key": wanted(Origin.named("orders")),
    "a key that looks like a task": wanted(Origin.named('orders","manual__1","notify","-1')),
    "a call": wanted(Origin.fresh()),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_what_is_another_message_has_another_key(ledger, name):
    came_to(ledger, State.ACCEPTED)

    (found,) = claim(ledger, DIFFERENT[name])

    assert found.verdict is Verdict.CLAIM


@pytest.mark.parametrize(
    "same",
    [
        wanted(conn_id="spare", vendor="bulutfon"),
        wanted(message=Sms(to=NUMBER, text="Another text.")),
        wanted(Origin(TASK.parts, {"kind": "shown otherwise"})),
    ],
    ids=["another connection", "another text", "shown otherwise"],
)
def test_what_is_the_same_message_has_the_same_key(ledger, same):
    came_to(ledger, State.ACCEPTED)

    (found,) = claim(ledger, same)

    assert found.verdict is Verdict.REPLAY


def test_a_mailbox_is_one_recipient_in_any_case_of_its_letters(ledger):
    def to(address):
        mail = Email(to=address, subject="s", text="t")
        return wanted(to=address, message=mail, operation="send_email")

    came_to(ledger, State.ACCEPTED, claims=[to("Ayşe@Example.com")])

    (found,) = claim(ledger, to("ayşe@example.com"))

    assert found.verdict is Verdict.REPLAY
    assert [entry.to for entry in ledger.entries(to="AYŞE@example.com")] == ["Ayşe@Example.com"]


def test_a_call_without_a_key_is_a_new_message_each_time(ledger):
    assert Origin.fresh().parts != Origin.fresh().parts


def test_one_call_cannot_hold_a_key_twice(ledger):
    with pytest.raises(InvalidMessage, match="the same key twice"):
        claim(ledger, wanted(), wanted())

    assert ledger.entries() == []


def test_a_claim_of_many_is_all_or_nothing(ledger):
    broken = wanted(Origin(("x",), {"kind": object()}), to=OTHER)

    with pytest.raises(TypeError):
        claim(ledger, wanted(), broken)

    assert ledger.entries() == []


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (Sms(to=NUMBER, text="a"), Sms(to=(NUMBER, OTHER), text="a"), True),
        (Sms(to=NUMBER, text="a"), Sms(to=NUMBER, text="b"), False),
        (Sms(to=NUMBER, text="a"), Sms(to=NUMBER, text="a", sender="ULAK"), False),
        (Email(to="a@b.co", subject="s", text="t"), Email(to="a@b.co", subject="s", html="t"), False),
        (
            WhatsApp(
                to=NUMBER, text="a", attachment=Attachment(name="a.pdf", media_type="x/y", content=b"1")
            ),
            WhatsApp(
                to=NUMBER, text="a", attachment=Attachment(name="a.pdf", media_type="x/y", content=b"2")
            ),
            False,
        ),
        (
            WhatsApp(
                to=NUMBER, text="a", attachment=Attachment(name="a.pdf", media_type="x/y", content=b"1")
            ),
            WhatsApp(
                to=NUMBER, text="a", attachment=Attachment(name="a.pdf", media_type="x/y", content=b"1")
            ),
            True,
        ),
    ],
    ids=["recipients", "text", "sender", "text or html", "file", "equal file"],
)
def test_whether_the_content_is_the_same_is_told(ledger, one, other, same):
    came_to(ledger, State.ACCEPTED, claims=[wanted(to=one.to[0], message=one)])

    (found,) = claim(ledger, wanted(to=one.to[0], message=other))

    assert found.same_content is same


# --- what stands in the file ----------------------------------------------------------------------------

PRIVATE = {
    "a number": "5321234567",
    "a text": "şifreli metin",
    "a part of a text": "metin",
    "a mailbox": "ayse.yilmaz",
    "a copy's mailbox": "patron@",
    "a sender's mailbox": "fatura.servisi",
    "a subject": "Fatura",
    "a key": "order-4711",
    "a one-time code": "482913",
    "a file's name": "maas.pdf",
    "a file's content": "FILE CONTENT",
    "the secret": "secret of the test",
}


def test_no_number_text_mailbox_or_key_stands_in_the_files(ledger, tmp_path):
    named = Origin.named("order-4711 for 5321234567", {"kind": "hook"})
    sms = wanted(named, message=Sms(to=NUMBER, text="şifreli metin"))
    mail = Email(to="ayse.yilmaz@example.com", cc="patron@example.com", subject="Fatura", text="metin")
    file = Attachment(name="maas.pdf", media_type="application/pdf", content=b"FILE CONTENT")
    chat = WhatsApp(to=NUMBER, text="metin", attachment=file)
    otp = Otp(to=NUMBER, text="metin TS_CODE")
    claims = [
        sms,
        wanted(named, to=mail.to[0], message=mail, sender="fatura.servisi@example.com"),
        wanted(named, message=chat),
        wanted(named, message=otp),
    ]
    came_to(ledger, State.REJECTED, claims=claims, scope="message", error=StoredError.of(Rejected("Spam.")))

    def holds(*words):
        return {
            (file.name, word)
            for file in tmp_path.iterdir()
            for word in words
            for form in (word.encode(), word.encode("utf-16-le"), word.encode().hex().encode())
            if form in file.read_bytes()
        }

    assert {file.name for file in tmp_path.iterdir()} >= {"ulak.db", "ulak.db-wal"}
    assert holds(*PRIVATE.values()) == set()
    assert holds("Spam.", "send_sms") != set()  # what is not private can be found so
    ledger.close()
    assert holds(*PRIVATE.values()) == set()


def test_a_copy_of_the_ledger_without_the_secret_tells_nobodys_number(ledger, tmp_path):
    came_to(ledger, State.ACCEPTED)
    (row,) = tables(tmp_path)["ulak_messages"]

    assert [value for value in row if isinstance(value, str) and "gAAAA" in value] != []
    assert ledger.entries()[0].to == NUMBER
    guessed = Secret("a secret that a thief makes up")
    assert guessed.digest(("recipient", NUMBER)) not in row


def test_an_error_of_the_database_does_not_show_what_was_to_be_written(ledger, tmp_path):
    with sqlite3.connect(tmp_path / "ulak.db") as connection:
        connection.execute(
            "CREATE TRIGGER full BEFORE INSERT ON ulak_messages BEGIN SELECT RAISE(ABORT, 'full'); END"
        )

    with pytest.raises(IntegrityError, match="full") as caught:
        claim(ledger)

    assert "orders" not in str(caught.value)
    assert ledger.digest(("recipient", NUMBER)) not in str(caught.value)


def test_a_vendors_word_that_is_no_text_does_not_keep_the_outcome_from_being_recorded(ledger):
    half = "\ud83d"
    error = StoredError.of(InvalidRecipient(f"The vendor said {half}.", code=half))
    attempt = Attempt()
    (found,) = claim(ledger, attempt=attempt)

    outcome = Outcome(found.key, State.REJECTED, "recipient", message_id=half, error=error, detail=half)
    assert ledger.record(attempt, [outcome])

    (again,) = claim(ledger)
    assert str(again.error.revive()) == str(error.revive())


def test_what_was_charged_and_all_else_comes_back_as_it_was_given(ledger):
    said = {"encoding": "gsm7", "segments": 3, "credits": 3, "cost_note": "3 segments", "sender": "ULAK"}
    attempt = Attempt()
    came_to(
        ledger,
        State.ACCEPTED,
        attempt=attempt,
        claims=[wanted(**said)],
        message_id="m-1",
        charged=Decimal("0.043"),
    )

    (found,) = claim(ledger)
    (entry,) = ledger.entries()

    for seen in (found, entry):
        assert (seen.encoding, seen.segments, seen.credits) == ("gsm7", 3, 3)
        assert (seen.message_id, seen.charged, seen.report_id) == ("m-1", Decimal("0.043"), attempt.report_id)
        assert (seen.vendor, seen.conn_id, seen.state, seen.attempt) == (
            "turkeysms",
            "sms",
            State.ACCEPTED,
            1,
        )
    assert found.cost_note == "3 segments"
    assert (entry.operation, entry.channel, entry.to) == ("send_sms", Channel.SMS, NUMBER)
    assert entry.origin["dag_id"] == "orders"


# --- opening --------------------------------------------------------------------------------------------


def test_a_ledger_keeps_its_id_and_its_rows(tmp_path):
    first = open_ledger(tmp_path)
    came_to(first, State.ACCEPTED)
    first.close()

    second = open_ledger(tmp_path)

    assert second.ledger_id == first.ledger_id
    assert len(second.entries()) == 1
    second.close()


def test_two_ledgers_have_two_ids(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one, other = open_ledger(tmp_path / "a"), open_ledger(tmp_path / "b")

    assert one.ledger_id != other.ledger_id
    one.close()
    other.close()


def test_a_process_with_another_secret_fails_with_a_sentence_and_changes_nothing(tmp_path):
    right = open_ledger(tmp_path)
    came_to(right, State.ACCEPTED)
    right.close()
    before = tables(tmp_path)

    with pytest.raises(ConfigurationError) as caught:
        open_ledger(tmp_path, "another secret of some installation")

    assert "made with another secret" in str(caught.value)
    assert "ULAK_SECRET_KEY" in str(caught.value)
    assert tables(tmp_path) == before


def test_the_folder_of_a_ledger_is_made(tmp_path):
    open_ledger(tmp_path / "not" / "yet").close()

    assert (tmp_path / "not" / "yet" / "ulak.db").exists()


def no_database(folder):
    (folder / "ulak.db").write_bytes(b"This is a letter to my aunt, and no database. " * 100)
    return f"sqlite:///{folder / 'ulak.db'}"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (no_database, "cannot be opened: file is not a database"),
        (lambda folder: f"sqlite:///{folder}", "cannot be opened: unable to open database file"),
        (lambda folder: "postgresql+psycopg://u:hunter2@db/ulak", "in SQLite only, not in postgresql"),
        (lambda folder: "ulak.db", "address cannot be used"),
        (lambda folder: "nosuch://db/ulak", "in SQLite only, not in nosuch"),
        (lambda folder: f"sqlite:///{__file__}/ulak.db", "address cannot be used"),
    ],
    ids=["no database", "a folder", "postgresql", "no address", "no such database", "a file in the way"],
)
def test_a_ledger_that_cannot_be_opened_is_a_sentence(tmp_path, url, words):
    with pytest.raises(ConfigurationError) as caught:
        SqlLedger.open(url(tmp_path), Secret("the secret of the test installation"))

    assert words in str(caught.value)
    assert "Nothing was sent." in str(caught.value)
    assert "ULAK_LEDGER_URL" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_ledger_that_others_keep_locked_is_no_fault_of_the_configuration(tmp_path, monkeypatch):
    open_ledger(tmp_path).close()
    monkeypatch.setattr(database, "_PATIENCE", 0.01)
    with sqlite3.connect(tmp_path / "ulak.db", isolation_level=None) as connection:
        connection.execute("BEGIN IMMEDIATE")

        with pytest.raises(NotSent, match="stayed locked by another process"):
            open_ledger(tmp_path)

        connection.execute("ROLLBACK")


def test_the_file_survives_a_power_cut_and_readers_do_not_wait_for_writers(ledger):
    with ledger._engine.connect() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }

    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30000}


def test_a_reader_is_not_held_up_by_a_writer_and_a_second_writer_is(ledger, tmp_path, monkeypatch):
    monkeypatch.setattr(database, "_PATIENCE", 0.01)
    impatient = open_ledger(tmp_path)
    with database.writing(ledger._engine):
        assert impatient.entries() == []
        assert impatient.stats() == {}
        with pytest.raises(Exception, match="database is locked"):
            claim(impatient)
    impatient.close()


def test_a_forked_child_uses_connections_of_its_own(ledger):
    came_to(ledger, State.ACCEPTED)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            ledger.forget_connections()
            came_to(ledger, State.ACCEPTED, claims=[wanted(to=OTHER)])
            status = 0
        finally:
            os._exit(status)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert {entry.to for entry in ledger.entries()} == {NUMBER, OTHER}


# --- leases ---------------------------------------------------------------------------------------------


def test_a_claim_is_held_to_the_last_moment_of_its_lease_by_the_databases_clock(ledger, clock):
    claim(ledger, lease=45)

    clock.advance(44.5)
    (held,) = claim(ledger)
    assert (held.verdict, held.state) == (Verdict.WAIT, State.CLAIMED)
    assert held.lease_left == pytest.approx(0.5, abs=0.001)

    clock.advance(0.501)
    (ended,) = claim(ledger)
    assert (ended.verdict, ended.state, ended.lease_left) == (Verdict.RAISE, State.UNKNOWN, 0)
    (entry,) = ledger.entries()
    assert story(ledger, entry) == ["caller nothing>CLAIMED", "clock CLAIMED>UNKNOWN"]


def test_an_ended_claim_is_written_once(ledger, clock):
    claim(ledger)
    clock.advance(46)

    for _ in range(3):
        claim(ledger)

    assert len(ledger.timeline(ledger.entries()[0])) == 2


def test_a_resend_of_an_ended_claim_tells_its_whole_story(ledger, clock):
    claim(ledger)
    clock.advance(46)

    (found,) = claim(ledger, on_unknown="resend")

    assert (found.verdict, found.attempt) == (Verdict.CLAIM, 2)
    (entry,) = ledger.entries()
    assert story(ledger, entry) == [
        "caller nothing>CLAIMED",
        "clock CLAIMED>UNKNOWN",
        "caller UNKNOWN>CLAIMED",
    ]
    assert [event.attempt for event in ledger.timeline(entry)] == [1, 1, 2]


def test_who_claims_again_begins_with_a_clean_row(ledger):
    error = StoredError.of(NotSent("The connection was refused."))
    came_to(ledger, State.NOT_SENT, error=error, message_id="m-1", charged=Decimal(1))
    attempt = Attempt()

    claim(ledger, wanted(conn_id="spare"), attempt=attempt)

    (entry,) = ledger.entries()
    assert (entry.message_id, entry.charged, entry.error) == (None, None, None)
    assert (entry.conn_id, entry.report_id, entry.state) == ("spare", attempt.report_id, State.CLAIMED)
    assert ledger.timeline(entry)[1].detail == "The connection was refused."


def test_the_scope_of_an_earlier_refusal_does_not_outlive_the_next_claim(ledger, tmp_path):
    came_to(ledger, State.REJECTED, scope="account")

    claim(ledger)

    with sqlite3.connect(tmp_path / "ulak.db") as connection:
        assert connection.execute("SELECT state, scope FROM ulak_messages").fetchall() == [("CLAIMED", None)]


# --- looking --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("on_unknown", ["fail", "accept", "resend"])
@pytest.mark.parametrize("state", [None, *State])
def test_looking_tells_what_a_claim_would_meet_and_writes_nothing(ledger, tmp_path, clock, state, on_unknown):
    if state is not None:
        came_to(ledger, State.ACCEPTED)
        set_state(tmp_path, state)
        if state is State.CLAIMED:
            with sqlite3.connect(tmp_path / "ulak.db") as connection:
                connection.execute("UPDATE ulak_messages SET lease_until = ?", (clock.now + 5,))
    before = tables(tmp_path)

    (seen,) = ledger.look([wanted()], on_unknown=on_unknown)

    assert tables(tmp_path) == before
    assert seen.state is (state or State.NOT_SENT)
    assert seen.attempt == (0 if state is None else 1)
    (met,) = claim(ledger, on_unknown=on_unknown)
    assert (seen.verdict, seen.key) == (met.verdict, met.key)


def test_looking_at_an_ended_claim_reads_unknown(ledger, clock):
    claim(ledger)
    clock.advance(46)

    (seen,) = ledger.look([wanted()], on_unknown="fail")

    assert (seen.state, seen.verdict) == (State.UNKNOWN, Verdict.RAISE)
    assert len(ledger.timeline(ledger.entries()[0])) == 1


# --- recording ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("owner", [True, False], ids=["its owner", "somebody else"])
@pytest.mark.parametrize(("before", "after"), list(product(State, State)), ids=str)
def test_only_the_owner_may_record_and_only_what_may_follow(ledger, tmp_path, before, after, owner):
    attempt = Attempt()
    (found,) = claim(ledger, attempt=attempt)
    set_state(tmp_path, before)
    allowed = owner and may_move(Actor.OWNER, before, after)

    recorded = ledger.record(
        attempt if owner else Attempt(), [Outcome(found.key, after, message_id="m-9", charged=Decimal(2))]
    )

    assert recorded is allowed
    (_, last) = ledger.timeline(ledger.entries()[0])
    assert (last.actor, last.before) == (Actor.OWNER, before)
    with sqlite3.connect(tmp_path / "ulak.db") as connection:
        row = connection.execute("SELECT state, message_id, charged FROM ulak_messages").fetchone()
    if allowed:
        assert row == (after, "m-9", 2.0)
        assert last.after == after
    else:
        assert row == (before, None, None)
        assert (last.after, last.detail) == (before, f"a late attempt ended as {after}, message id m-9")


def test_recording_twice_changes_nothing_more(ledger):
    attempt = Attempt()
    (found,) = claim(ledger, attempt=attempt)
    outcomes = [Outcome(found.key, State.ACCEPTED, message_id="m-1")]

    assert ledger.record(attempt, outcomes)
    (first,) = ledger.entries()
    assert ledger.record(attempt, outcomes)

    assert ledger.entries() == [first]


def test_the_outcomes_of_one_attempt_are_recorded_each_by_itself(ledger):
    attempt = Attempt()
    one, other = claim(ledger, wanted(), wanted(to=OTHER), attempt=attempt)
    ledger.record(attempt, [Outcome(other.key, State.NOT_SENT)])
    claim(ledger, wanted(to=OTHER))

    recorded = ledger.record(attempt, [Outcome(one.key, State.ACCEPTED), Outcome(other.key, State.ACCEPTED)])

    assert recorded is False
    assert {entry.to: entry.state for entry in ledger.entries()} == {
        NUMBER: State.ACCEPTED,
        OTHER: State.CLAIMED,
    }


def test_an_outcome_of_a_row_that_is_gone_is_not_recorded(ledger):
    assert ledger.record(Attempt(), [Outcome("0" * 64, State.ACCEPTED)]) is False


def test_releasing_gives_back_what_the_attempt_still_holds_and_nothing_else(ledger):
    attempt = Attempt()
    one, _ = claim(ledger, wanted(), wanted(to=OTHER), attempt=attempt)
    ledger.record(attempt, [Outcome(one.key, State.ACCEPTED)])
    claim(ledger, wanted(Origin.named("of somebody else")))

    ledger.release(attempt)

    somebodys, others, mine = ledger.entries()
    assert (somebodys.state, others.state, mine.state) == (State.CLAIMED, State.NOT_SENT, State.ACCEPTED)
    assert ledger.timeline(others)[-1].detail == "stopped before a byte left"


def test_an_illegal_change_rolls_back_all_that_came_with_it(ledger):
    came_to(ledger, State.ACCEPTED)
    (before,) = ledger.entries()

    def change():
        with database.writing(ledger._engine) as connection:
            row = connection.execute(messages.select()).one()
            _change(connection, row, State.ACCEPTED, State.DELIVERED, Actor.REPORT, 0.0, {})
            _change(connection, row, State.DELIVERED, State.CLAIMED, Actor.CALLER, 0.0, {})

    with pytest.raises(IllegalMove):
        change()

    assert ledger.entries() == [before]
    assert len(ledger.timeline(before)) == 2


# --- reading --------------------------------------------------------------------------------------------


def test_a_message_is_found_by_its_key_by_a_digest_and_by_the_vendors_id(ledger):
    origin = Origin.named("order-1")
    came_to(ledger, State.ACCEPTED, claims=[wanted(origin), wanted(origin, to=OTHER)], message_id="m-1")
    came_to(ledger, State.ACCEPTED, claims=[wanted(Origin.named("order-2"))], message_id="m-2")
    first, second, third = sorted(ledger.entries(), key=lambda entry: entry.id)

    assert ledger.find("order-1") == [first, second]
    assert ledger.find("m-2") == [third]
    assert ledger.find(first.key) == ledger.find(first.key[:8]) == [first]
    assert ledger.find(first.key[:7]) == []
    assert ledger.find("order") == ledger.find("%") == ledger.find("") == []
    assert ledger.find("________") == []


def test_entries_are_listed_newest_first_and_by_what_is_asked(ledger, clock):
    came_to(ledger, State.ACCEPTED)
    came_to(ledger, State.NOT_SENT, claims=[wanted(to=OTHER, conn_id="spare")])
    claim(ledger, wanted(Origin.named("dies")), lease=45)
    claim(ledger, wanted(Origin.named("lives")), lease=4500)
    clock.advance(46)

    def listed(**narrowed):
        return [(entry.state, entry.conn_id) for entry in ledger.entries(**narrowed)]

    assert listed() == [
        (State.CLAIMED, "sms"),
        (State.UNKNOWN, "sms"),
        (State.NOT_SENT, "spare"),
        (State.ACCEPTED, "sms"),
    ]
    assert listed(limit=1) == [(State.CLAIMED, "sms")]
    assert listed(to=OTHER) == [(State.NOT_SENT, "spare")]
    assert listed(conn_id="spare") == [(State.NOT_SENT, "spare")]
    assert listed(state=State.UNKNOWN) == [(State.UNKNOWN, "sms")]
    assert listed(state=State.CLAIMED) == [(State.CLAIMED, "sms")]
    assert listed(state=State.ACCEPTED, conn_id="spare") == []
    assert [entry.lease_ended for entry in ledger.entries()] == [False, True, False, False]


def test_stats_count_messages_and_credits(ledger, clock):
    came_to(ledger, State.ACCEPTED, claims=[wanted(credits=2), wanted(to=OTHER, credits=3)])
    came_to(ledger, State.ACCEPTED, claims=[wanted(Origin.named("k"), conn_id="spare", credits=None)])
    claim(ledger, wanted(Origin.named("dies")))
    clock.advance(46)

    assert ledger.stats() == {
        ("sms", "send_sms", State.ACCEPTED): (2, 5),
        ("sms", "send_sms", State.UNKNOWN): (1, 1),
        ("spare", "send_sms", State.ACCEPTED): (1, 0),
    }


def test_a_timeline_tells_when_who_and_what(ledger, clock):
    came_to(ledger, State.NOT_SENT, error=StoredError.of(NotSent("The connection was refused.")))
    clock.advance(60)
    came_to(ledger, State.ACCEPTED)
    (entry,) = ledger.entries()

    told = [(e.actor, e.attempt, e.before, e.after, e.detail) for e in ledger.timeline(entry)]

    assert told == [
        ("caller", 1, None, "CLAIMED", None),
        ("owner", 1, "CLAIMED", "NOT_SENT", "The connection was refused."),
        ("caller", 2, "NOT_SENT", "CLAIMED", None),
        ("owner", 2, "CLAIMED", "ACCEPTED", None),
    ]
    at = [event.at for event in ledger.timeline(entry)]
    assert at == pytest.approx([clock.now - 60] * 2 + [clock.now] * 2)
    assert (entry.created_at, entry.updated_at) == (at[0], at[-1])


# --- resolving ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("written", [True, False], ids=["written", "only read"])
@pytest.mark.parametrize(("arrived", "state"), [(True, State.ACCEPTED), (False, State.NOT_SENT)])
def test_a_person_ends_the_doubt_and_it_is_told_who_and_why(ledger, clock, arrived, state, written):
    claim(ledger)
    clock.advance(46)
    if written:
        claim(ledger)
    (entry,) = ledger.entries(state=State.UNKNOWN)

    assert ledger.resolve(entry, arrived=arrived, who="Ayşe", why="asked \ud83d her") is state

    (entry,) = ledger.entries()
    assert entry.state is state
    assert story(ledger, entry) == [
        "caller nothing>CLAIMED",
        "clock CLAIMED>UNKNOWN",
        f"person UNKNOWN>{state}",
    ]
    assert '"who": "Ay\\u015fe"' in ledger.timeline(entry)[-1].detail
    (next_caller,) = claim(ledger)
    assert next_caller.verdict is (Verdict.REPLAY if arrived else Verdict.CLAIM)


@pytest.mark.parametrize("state", [state for state in State if state is not State.UNKNOWN])
def test_only_a_doubt_can_be_resolved(ledger, tmp_path, clock, state):
    claim(ledger)
    (entry,) = ledger.entries()
    set_state(tmp_path, state)
    before = tables(tmp_path)

    with pytest.raises(InvalidMessage) as caught:
        ledger.resolve(entry, arrived=False, who="ayse", why="")

    assert str(caught.value) == (
        f"resolve: The message stands at {state}, not at UNKNOWN, so there is nothing to resolve."
    )
    assert tables(tmp_path) == before


def test_a_person_who_saw_an_earlier_attempt_cannot_resolve_a_later_one(ledger, clock):
    claim(ledger)
    clock.advance(46)
    (seen,) = ledger.entries()
    claim(ledger, on_unknown="resend")
    clock.advance(46)

    with pytest.raises(InvalidMessage, match="about attempt 1, and it stands at attempt 2"):
        ledger.resolve(seen, arrived=False, who="ayse", why="nothing there")

    (entry,) = ledger.entries()
    assert (entry.state, entry.attempt) == (State.UNKNOWN, 2)
    assert ledger.resolve(entry, arrived=False, who="ayse", why="nothing there") is State.NOT_SENT


# --- stored errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [
        OutcomeUnknown("Cut.", vendor="v", operation="send_sms", status=500),
        Rejected("Spam.", scope="message", code="TS-1", request_id="r"),
        InvalidRecipient("None.", advice="Ask her."),
        RateLimited("Slower.", retry_after=7),
        InvalidMessage("Bad.", advice=""),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_stored_error_comes_back_as_it_was(error):
    again = StoredError.load(StoredError.of(error).dump()).revive()

    assert (type(again), str(again)) == (type(error), str(error))
    for name in ("vendor", "operation", "status", "code", "request_id", "scope", "advice"):
        assert getattr(again, name, None) == getattr(error, name, None)


def test_an_error_of_a_later_release_comes_back_as_an_error_that_this_one_knows():
    stored = StoredError.of(Rejected("No.", scope="account", status=402))

    revived = replace(stored, kind="QuotaOfTheMoon").revive()

    assert (type(revived), revived.scope, revived.status) == (Rejected, "account", 402)
    unknown = replace(StoredError.of(OutcomeUnknown("Cut.")), kind="LostOnTheMoon").revive()
    assert (type(unknown), unknown.sentence) == (MessagingError, "Cut.")
