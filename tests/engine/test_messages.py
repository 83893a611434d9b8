"""What can be sent: what is refused before anything is claimed, and what is never shown."""

from __future__ import annotations

import json
import pickle
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError
from rich.pretty import pretty_repr

from airflow_provider.engine.errors import InvalidMessage
from airflow_provider.engine.messages import (
    Attachment,
    Channel,
    Email,
    Mode,
    Otp,
    Receipt,
    Sms,
    State,
    WhatsApp,
)

NUMBER, OTHER = "+905321234567", "+905321234568"
MAIL = {"to": "ayse@example.com", "subject": "Invoice", "text": "Attached."}
ANY_TEXT = st.text(st.characters(exclude_categories=()))


def refused(kind, **fields):
    with pytest.raises(InvalidMessage) as caught:
        kind(**fields)
    assert str(caught.value).startswith(f"The {kind.__name__} is not valid: ")
    assert str(caught.value).endswith(". Nothing was sent.")
    return str(caught.value)


# --- recipients -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [NUMBER, "+14155550100", "+1234567", "+123456789012345"])
def test_a_number_in_e164_is_taken_alone_or_in_a_list(number):
    assert Sms(to=number, text="x").to == Sms(to=[number], text="x").to == (number,)


@pytest.mark.parametrize(
    "number",
    [
        "5559876543",
        "905559876543",
        "+05559876543",
        "+987654",
        "+1234567898765432",
        "+90 555 987 65 43",
        "+90555987654a",
        "+905559876543\n",
        "+٩٠٥٥٥٩٨٧٦٥٤٣",
        "",
        None,
        905559876543,
    ],
)
@pytest.mark.parametrize("kind", [Sms, WhatsApp])
def test_a_number_in_any_other_form_is_refused_and_not_quoted(kind, number):
    sentence = refused(kind, to=number, text="x")

    assert not number or str(number) not in sentence


@pytest.mark.parametrize("kind", [Sms, WhatsApp])
def test_nobody_is_no_recipient(kind):
    refused(kind, to=[], text="x")
    refused(kind, text="x")


def test_a_recipient_named_twice_is_one_recipient_in_the_first_place():
    assert Sms(to=[NUMBER, OTHER, NUMBER], text="x").to == (NUMBER, OTHER)


def test_a_one_time_code_has_one_recipient():
    assert Otp(to=NUMBER).to == (NUMBER,)
    refused(Otp, to=[NUMBER, OTHER])


@pytest.mark.parametrize(
    "address", ["a@b.co", "o'brien+x@mail.example.com.tr", "ayşe@örnek.com", "!#$%@x-y.io"]
)
def test_a_mailbox_is_taken(address):
    mail = Email(
        **{**MAIL, "to": address, "cc": address, "bcc": [address], "reply_to": address, "sender": address}
    )

    assert mail.to == mail.cc == mail.bcc == mail.reply_to == (address,)


BAD_MAILBOXES = [
    "",
    "ayse",
    "ayse@",
    "@example.com",
    "ayse@localhost",
    "a@b@example.com",
    "Ayse <ayse@example.com>",
    "a@example.com,b@example.com",
    "a@example.com;b@example.com",
    "a@example.com b@example.com",
    "a@example.com\nBcc: b@example.com",
    "a@example.com\r\n",
    "a\x00@example.com",
    "a@exa\u2028mple.com",
    "\ud800@example.com",
    "a@example..com",
    "a@.example.com",
]


@pytest.mark.parametrize("field", ["to", "cc", "bcc", "reply_to", "sender"])
@pytest.mark.parametrize("address", BAD_MAILBOXES)
def test_what_is_no_single_mailbox_is_refused_and_not_quoted(field, address):
    sentence = refused(Email, **{**MAIL, field: address})

    assert len(address) < 5 or address not in sentence


# --- texts ----------------------------------------------------------------------------------------------

BAD_TEXTS = ["", " ", "\n\t\u00a0", "a\x00b", "half \ud83d of a pair", "\udc00"]


@pytest.mark.parametrize("text", BAD_TEXTS)
def test_a_text_that_nobody_could_read_is_refused(text):
    for kind, fields in [
        (Sms, {"to": NUMBER, "text": text}),
        (WhatsApp, {"to": NUMBER, "text": text}),
        (Otp, {"to": NUMBER, "text": text}),
        (Email, {**MAIL, "subject": text}),
        (Email, {**MAIL, "text": text}),
        (Email, {**MAIL, "html": text}),
    ]:
        refused(kind, **fields)


@pytest.mark.parametrize("text", ["ş", "İki\nsatır\r\n", "😀", "x" * 1_000_000, "{{ 7*7 }}", "a\u200db"])
def test_a_text_is_sent_as_it_was_given(text):
    assert Sms(to=NUMBER, text=text).text == text
    assert Email(**{**MAIL, "text": text, "html": text}).html == text


@given(ANY_TEXT)
def test_any_text_is_either_kept_or_refused_by_a_sentence_that_does_not_quote_it(text):
    marked = f"{text}GİZLİ{text}"
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        assert "GİZLİ" not in refused(Sms, to=NUMBER, text=marked)
    else:
        assert Sms(to=NUMBER, text=marked).text == marked


HEADER_BREAKS = [
    "a\nb",
    "a\r\nBcc: x@example.com",
    "a\x00b",
    "a\x1bb",
    "a\x7fb",
    "a\x85b",
    "a\u2028b",
    "a\u2029b",
    "a\tb",
]


@pytest.mark.parametrize("line", HEADER_BREAKS)
def test_a_line_cannot_become_two_headers(line):
    refused(Email, **{**MAIL, "subject": line})
    refused(Sms, to=NUMBER, text="x", sender=line)
    refused(Otp, to=NUMBER, sender=line)
    refused(WhatsApp, to=NUMBER, text="x", device=line)
    for name, media_type in [(line, "application/pdf"), ("a.pdf", line)]:
        with pytest.raises(ValidationError):
            Attachment(name=name, media_type=media_type, content=b"x")


def test_a_mail_needs_a_body_of_one_kind_or_the_other():
    assert "needs text, html or both" in refused(Email, to="a@b.co", subject="s")
    assert Email(to="a@b.co", subject="s", html="<p>x</p>").text is None


def test_a_text_for_a_code_has_a_place_for_it():
    assert Otp(to=NUMBER, text="Kod: TS_CODE").text == "Kod: TS_CODE"
    assert "TS_CODE" in refused(Otp, to=NUMBER, text="Kod: 1234")


@pytest.mark.parametrize("digits", [3, 7])
def test_a_code_has_four_to_six_digits(digits):
    refused(Otp, to=NUMBER, digits=digits)


@pytest.mark.parametrize("speed", [0, 5])
def test_speeds_are_one_to_four(speed):
    refused(WhatsApp, to=NUMBER, text="x", speed=speed)


def test_a_moment_without_a_zone_is_refused():
    refused(Sms, to=NUMBER, text="x", send_at=datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point
    assert Sms(to=NUMBER, text="x", send_at=datetime(2026, 1, 1, tzinfo=UTC)).send_at is not None


def test_a_misspelt_field_is_refused_in_place_of_being_lost():
    assert "sendr" in refused(Sms, to=NUMBER, text="x", sendr="ULAK")


def test_several_faults_are_told_together_but_not_endlessly():
    sentence = refused(Sms, to=["a", "b", "c", "d"], text="")

    assert sentence.count(";") == 2


# --- values ---------------------------------------------------------------------------------------------


def test_a_message_cannot_be_changed_but_narrowed_to_some_of_its_recipients():
    sms = Sms(to=(NUMBER, OTHER), text="x", sender="ULAK")

    with pytest.raises(ValidationError):
        sms.text = "y"
    narrow = sms.narrowed([OTHER])
    assert (narrow.to, narrow.text, narrow.sender) == ((OTHER,), "x", "ULAK")
    assert sms.to == (NUMBER, OTHER)
    assert sms.narrowed([NUMBER, OTHER]) is sms


def test_each_message_knows_its_channel_and_it_is_no_field():
    assert [kind.channel for kind in (Sms, Otp, Email, WhatsApp)] == list(Channel)
    assert "channel" not in Sms(to=NUMBER, text="x").model_dump()


def test_a_message_survives_pickling():
    sms = Sms(to=NUMBER, text="x")

    assert pickle.loads(pickle.dumps(sms)) == sms


# --- what is shown --------------------------------------------------------------------------------------

FILE = Attachment(name="a.pdf", media_type="application/pdf", content=b"gizli metin")
SHOWN = [
    (Sms(to=NUMBER, text="gizli metin"), "Sms(to=['+90 532 *** ** 67'])"),
    (Otp(to=NUMBER, text="gizli metin TS_CODE"), "Otp(to=['+90 532 *** ** 67'])"),
    (WhatsApp(to=NUMBER, text="gizli metin", attachment=FILE), "WhatsApp(to=['+90 532 *** ** 67'])"),
    (
        Email(to="ayse@example.com", subject="gizli metin", html="gizli metin", cc="boss@example.com"),
        "Email(to=['a***@example.com'])",
    ),
]


@pytest.mark.parametrize(("message", "shown"), SHOWN)
def test_a_message_shows_neither_its_text_nor_whom_it_is_for(message, shown):
    assert repr(message) == str(message) == f"{message}" == shown
    assert repr([message]) == f"[{shown}]"
    assert "gizli" not in repr(FILE)


@pytest.fixture
def receipt():
    return Receipt(
        key="0a1b",
        vendor="turkeysms",
        conn_id="sms",
        to=NUMBER,
        state=State.ACCEPTED,
        message_id="m-1",
        charged=Decimal("1.50"),
        code=SecretStr("482913"),
    )


def test_a_receipt_is_plain_json_with_a_masked_recipient(receipt):
    values = json.loads(json.dumps(receipt.as_json()))

    assert values == {
        "key": "0a1b",
        "vendor": "turkeysms",
        "conn_id": "sms",
        "to": "+90 532 *** ** 67",
        "state": "ACCEPTED",
        "message_id": "m-1",
        "report_id": None,
        "encoding": None,
        "segments": None,
        "credits": None,
        "charged": 1.5,
        "cost_note": None,
        "error": None,
        "attempt": 1,
        "replayed": False,
        "recorded": True,
        "mode": Mode.LIVE,
        "ledger_id": "",
    }
    assert receipt.as_json(full=True) == {**values, "to": NUMBER}


def test_a_receipt_shows_no_number_and_no_code(receipt):
    assert repr(receipt) == str(receipt)
    assert "5321234567" not in repr(receipt)
    for shown in (repr(receipt), receipt.model_dump_json(), str(receipt.model_dump()), str(receipt.code)):
        assert "482913" not in shown
    assert receipt.code.get_secret_value() == "482913"


@pytest.mark.parametrize("message", [message for message, _ in SHOWN])
def test_a_message_is_private_on_a_rich_terminal_too(message):
    assert "gizli" not in pretty_repr(message)
    assert "905321234567" not in pretty_repr(message)


def test_a_receipt_is_private_on_a_rich_terminal_too(receipt):
    assert "5321234567" not in pretty_repr(receipt)
    assert "482913" not in pretty_repr(receipt)
