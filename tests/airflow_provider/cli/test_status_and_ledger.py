"""`ulak status` and `ulak ledger`."""

from __future__ import annotations

import getpass

import pytest

SEND = ("send", "sms", "--conn", "turkeysms_default", "--text", "Merhaba")
AYSE, ALI, MASKED = "+905321234567", "+905331234567", "+90 532 *** ** 67"

pytestmark = pytest.mark.usefixtures("sandbox_connections")


@pytest.fixture
def accepted(ulak, sandbox):
    """A message under the key order-118."""
    return ulak(*SEND, "--to", AYSE, "--key", "order-118", "--json").json["recipients"][0]


@pytest.fixture
def unknown(ulak, fault):
    """A message under the key order-119 whose outcome nobody knows."""
    fault("turkeysms", "accept_then_drop", times=1)
    assert ulak(*SEND, "--to", AYSE, "--key", "order-119").code == 5


def test_status_finds_a_message_by_key_and_by_the_vendors_id(ulak, accepted) -> None:
    for wanted in ("order-118", accepted["message_id"]):
        result = ulak("status", wanted, "--json")
        assert result.code == 0
        (message,) = result.json["messages"]
        assert (message["to"], message["state"], message["conn_id"]) == (
            MASKED,
            "ACCEPTED",
            "turkeysms_default",
        )
        assert [(event["before"], event["after"]) for event in message["timeline"]] == [
            (None, "CLAIMED"),
            ("CLAIMED", "ACCEPTED"),
        ]
        assert result.json["vendor_reports"] == []
    assert ulak("status", message["key"][:8], "--json").json["messages"][0]["key"] == message["key"]


def test_status_for_people(ulak, accepted) -> None:
    result = ulak("status", "order-118")
    assert MASKED in result.out
    assert accepted["message_id"] in result.out
    assert "5321234567" not in result.out
    assert AYSE in ulak("status", "order-118", "--full").out


def test_status_asks_the_vendor_when_told_to(ulak, accepted, control, inbox) -> None:
    control.post(f"/_sandbox/messages/{inbox()[0]['id']}/state", json={"state": "delivered"})
    for more in (("--ask",), ("--conn", "turkeysms_default")):
        (report,) = ulak("status", "order-118", *more, "--json").json["vendor_reports"]
        assert (report["message_id"], report["state"]) == (accepted["message_id"], "DELIVERED")
    assert "What the vendor says" in ulak("status", "order-118", "--ask").out


def test_a_vendor_can_be_asked_about_what_no_ledger_knows(ulak, accepted, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("ULAK_LEDGER_URL", f"sqlite:///{tmp_path / 'another.db'}")
    assert ulak("status", accepted["message_id"]).code == 2
    result = ulak("status", accepted["message_id"], "--conn", "turkeysms_default", "--json")
    assert result.code == 0
    assert result.json["messages"] == []
    assert len(result.json["vendor_reports"]) == 1


def test_when_the_vendor_cannot_be_asked_the_ledger_is_shown_all_the_same(ulak, accepted, fault) -> None:
    fault("turkeysms", "http_500")
    result = ulak("status", "order-118", "--ask", "--json")
    assert result.code == 4
    assert result.json["messages"][0]["state"] == "ACCEPTED"
    assert "turkeysms delivery:" in result.err


def test_a_message_without_an_id_cannot_be_asked_about(ulak, unknown) -> None:
    result = ulak("status", "order-119", "--ask")
    assert result.code == 0
    assert "The vendor gave no id" in result.err


@pytest.mark.parametrize("command", [("status",), ("ledger", "show")])
def test_what_nobody_knows(ulak, sandbox, command) -> None:
    result = ulak(*command, "nothing", "--json")
    assert (result.code, result.out) == (2, "")
    assert "The ledger knows no message by this key or id." in result.err


def test_list_narrows(ulak, accepted, unknown) -> None:
    ulak("send", "whatsapp", "--conn", "vatansms_default", "--to", ALI, "--text", "Selam")

    def listed(*arguments: str) -> list[tuple[str, str]]:
        result = ulak("ledger", "list", "--json", *arguments)
        assert result.code == 0
        return [(message["to"], message["state"]) for message in result.json]

    assert listed() == [("+90 533 *** ** 67", "ACCEPTED"), (MASKED, "UNKNOWN"), (MASKED, "ACCEPTED")]
    assert listed("--to", "0532 123 45 67") == [(MASKED, "UNKNOWN"), (MASKED, "ACCEPTED")]
    assert listed("--conn", "vatansms_default") == [("+90 533 *** ** 67", "ACCEPTED")]
    assert listed("--state", "unknown") == [(MASKED, "UNKNOWN")]
    assert listed("--limit", "1", "--full") == [(ALI, "ACCEPTED")]
    assert listed("--state", "not-sent") == []
    assert "choose one of CLAIMED, ACCEPTED" in ulak("ledger", "list", "--state", "GONE").err


@pytest.mark.parametrize("columns", ["80", "120"])
def test_list_fits_the_terminal_and_names_rows_by_what_finds_them(
    ulak, accepted, monkeypatch, columns
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    header, row = ulak("ledger", "list").out.splitlines()
    assert "turkeysms_default" in row
    assert (accepted["message_id"] in row) == (columns == "120")
    assert len(header) <= int(columns)
    assert "ACCEPTED" in ulak("ledger", "show", row.split()[0]).out


def test_a_claim_whose_lease_has_ended_reads_as_unknown(ulak, accepted, ledger_url) -> None:
    from sqlalchemy import create_engine, text

    engine = create_engine(ledger_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE ulak_messages SET state = 'CLAIMED', lease_until = 1"))
    engine.dispose()
    assert [row["state"] for row in ulak("ledger", "list", "--state", "UNKNOWN", "--json").json] == [
        "UNKNOWN"
    ]
    assert ulak("ledger", "list", "--state", "CLAIMED", "--json").json == []
    assert ulak("ledger", "resolve", "order-118", "--arrived", "--why", "asked her").code == 0


def test_stats_count_messages_and_what_they_cost(ulak, accepted, unknown) -> None:
    ulak(*SEND, "--to", ALI, "--sender", "NOBODY")
    assert ulak("ledger", "stats", "--json").json == [
        {
            "conn_id": "turkeysms_default",
            "operation": "send_sms",
            "state": state,
            "messages": 1,
            "credits": spent,
        }
        for state, spent in [("ACCEPTED", 1), ("REJECTED", 0), ("UNKNOWN", 1)]
    ]
    assert ulak("ledger", "stats").out.splitlines()[-1].split() == ["in", "all", "3", "2"]


def test_what_did_not_arrive_may_be_sent_again(ulak, unknown, inbox) -> None:
    result = ulak("ledger", "resolve", "order-119", "--not-arrived", "--why", "the panel shows nothing")
    assert result.code == 0
    assert result.out.startswith("NOT_SENT")
    assert ulak(*SEND, "--to", AYSE, "--key", "order-119").code == 0
    assert len(inbox()) == 2
    shown = ulak("ledger", "show", "order-119").out
    assert f"{getpass.getuser()}: the panel shows nothing" in shown


def test_what_arrived_stays_sent(ulak, unknown, inbox) -> None:
    assert ulak("ledger", "resolve", "order-119", "--arrived", "--why", "she said so").code == 0
    assert ulak(*SEND, "--to", AYSE, "--key", "order-119").code == 0
    assert len(inbox()) == 1


@pytest.mark.parametrize(
    "arguments", [(), ("--arrived",), ("--not-arrived", "--why", " "), ("--why", "she said so")]
)
def test_resolving_takes_a_finding_and_a_reason(ulak, unknown, arguments) -> None:
    result = ulak("ledger", "resolve", "order-119", *arguments)
    assert result.code == 2
    assert ulak("ledger", "list", "--state", "UNKNOWN", "--json").json


def test_what_is_known_is_not_resolved(ulak, accepted) -> None:
    result = ulak("ledger", "resolve", "order-118", "--not-arrived", "--why", "x")
    assert result.code == 2
    assert "stands at ACCEPTED" in result.err


def test_of_several_recipients_one_is_named(ulak, fault) -> None:
    fault("turkeysms", "accept_then_drop")
    ulak(*SEND, "--to", f"{AYSE},{ALI}", "--key", "k")

    def states() -> list[str]:
        return [message["state"] for message in ulak("status", "k", "--json").json["messages"]]

    def resolve(*more: str) -> int:
        return ulak("ledger", "resolve", "k", "--arrived", "--why", "asked", *more).code

    assert resolve() == 2
    assert states() == ["UNKNOWN", "UNKNOWN"]
    assert resolve("--to", "0533 123 45 67") == 0
    assert states() == ["UNKNOWN", "ACCEPTED"]
    assert resolve("--all") == 0
    assert states() == ["ACCEPTED", "ACCEPTED"]
