"""Bulutfon beyond its golden exchanges."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import parse_qs

import pytest

from airflow_provider.engine.account import Account
from airflow_provider.engine.errors import (
    AuthenticationFailed,
    ConfigurationError,
    InsufficientBalance,
    MessagingError,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    UnreadableResponse,
    UnsupportedOperation,
    VendorUnavailable,
)
from airflow_provider.engine.messages import Sms, State
from airflow_provider.engine.vendors.base import operations, recipients_per_request
from airflow_provider.engine.vendors.bulutfon import Bulutfon

TOKEN = "t-7d793037a0760186"
TO = "+905321234567"
SMS = Sms(to=TO, text="Siparişiniz yola çıktı.")
ACCOUNT = Account(
    conn_id="bulutfon_default", base_url="https://vendor.invalid/bulutfon", secret=TOKEN, sender="ULAK"
)


@pytest.fixture
def bulutfon():
    return Bulutfon(ACCOUNT)


def form_of(exchange):
    return {name: values[0] for name, values in parse_qs(next(exchange).content.decode()).items()}


@pytest.mark.parametrize(
    "answer", [{}, [], {"message": None}, {"message": []}, {"message": "ok"}, {"messages": []}, {"id": 7}]
)
def test_only_a_message_in_the_answer_proves_that_it_was_taken(bulutfon, answered, answer):
    with pytest.raises(UnreadableResponse):
        answered(bulutfon.send_sms(SMS, report_id=1), answer)


def test_a_message_without_an_id_is_taken(bulutfon, answered):
    assert answered(bulutfon.send_sms(SMS, report_id=1), {"message": {}, "error": None}).message_id is None


@pytest.mark.parametrize(
    ("status", "error", "scope"),
    [
        (200, UnreadableResponse, None),
        (302, OutcomeUnknown, None),
        (400, Rejected, "message"),
        (401, AuthenticationFailed, "account"),
        (402, InsufficientBalance, "account"),
        (403, AuthenticationFailed, "account"),
        (404, Rejected, "account"),
        (405, Rejected, "account"),
        (408, OutcomeUnknown, None),
        (422, Rejected, "message"),
        (429, RateLimited, None),
        (500, OutcomeUnknown, None),
    ],
)
def test_a_page_instead_of_an_answer_is_read_by_its_status(bulutfon, answered, status, error, scope):
    with pytest.raises(MessagingError) as caught:
        answered(bulutfon.send_sms(SMS, report_id=1), text="<html>nginx</html>", status=status)

    assert type(caught.value) is error
    assert getattr(caught.value, "scope", None) == scope


def test_a_question_that_meets_a_server_error_may_be_asked_again(bulutfon, answered):
    with pytest.raises(VendorUnavailable):
        answered(bulutfon.list_messages(), text="", status=500)


@pytest.mark.parametrize("status", [200, 401, 422])
def test_the_vendors_words_come_without_what_they_echo(bulutfon, answered, status):
    echo = {"error": f"{TOKEN} 905321234567 {SMS.text}", "code": TOKEN}
    with pytest.raises(MessagingError) as caught:
        answered(bulutfon.send_sms(SMS, report_id=1), echo, status=status)

    shown = str(caught.value)
    assert "+90 532 *** ** 67" in shown or "***" in shown
    assert TOKEN not in shown
    assert "905321234567" not in shown
    assert SMS.text not in shown


def test_the_list_is_paged_by_number_and_no_token_is_taken_from_it(bulutfon, answered):
    page = answered(
        bulutfon.list_messages(page=2, limit=10),
        {
            "messages": [],
            "paginate": {"total_pages": 3, "next_page": f"/messages?access_token={TOKEN}&limit=2&page=99"},
        },
    )

    assert (page.page, page.next_page) == (2, 3)
    assert TOKEN not in repr(page)


@pytest.mark.parametrize("paginate", [None, {}, {"total_pages": None}, {"total_pages": "many"}, "3"])
def test_a_list_that_does_not_tell_its_pages_ends_here(bulutfon, answered, paginate):
    page = answered(bulutfon.list_messages(page=4), {"messages": [], "paginate": paginate})

    assert (page.total_pages, page.next_page) == (4, None)


def test_lines_that_cannot_be_used_are_left_out_and_long_texts_stay_whole(bulutfon, answered):
    text = "uzun " * 100
    page = answered(
        bulutfon.list_messages(),
        {"messages": [None, {"content": "no id"}, {"id": 1, "content": text, "created_at": "yesterday"}]},
    )

    (message,) = page.messages
    assert (message.message_id, message.text, message.created_at) == ("1", text, None)
    assert message.recipients == ()


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("WAITING", State.ACCEPTED),
        ("SENT", State.ACCEPTED),
        ("confirmed", State.DELIVERED),
        ("FAILED", State.FAILED),
        ("ARCHIVED", State.ACCEPTED),
    ],
)
def test_a_state_beyond_the_list_leaves_the_message_on_its_way(bulutfon, answered, word, state):
    delivery = answered(
        bulutfon.delivery("1"), {"message": {"recipients": [{"number": 905321234567, "state": word}, {}]}}
    )

    (report,) = delivery.reports
    assert (report.to, report.state, report.word) == (TO, state, word)


def test_a_message_that_the_vendor_does_not_know_is_said_to_be_unknown(bulutfon, answered):
    with pytest.raises(Rejected, match=r"bulutfon delivery: .* knows no such message"):
        answered(bulutfon.delivery("9"), {"error": "Mesaj bulunamadı", "code": 404}, status=404)


@pytest.mark.parametrize("field", ["content_type", "sms_lang"])
def test_a_field_of_another_vendor_is_named_before_anything_is_asked(bulutfon, field):
    with pytest.raises(UnsupportedOperation, match=f"bulutfon send_sms: .*'{field}'.* Nothing was sent"):
        next(bulutfon.send_sms(Sms(to=TO, text="x", **{field: 0}), report_id=1))


def test_an_id_cannot_lead_to_another_address(bulutfon):
    request = next(bulutfon.delivery("1/../../me?x="))

    assert request.url.raw_path.startswith(b"/bulutfon/messages/1%2F..%2F..%2Fme%3Fx%3D.json?access_token=")


def test_a_send_asks_for_nothing_that_the_message_does_not(bulutfon):
    assert form_of(bulutfon.send_sms(SMS, report_id=1)) == {
        "title": "ULAK",
        "receivers": "905321234567",
        "content": SMS.text,
    }


def test_a_text_goes_out_composed(bulutfon):
    decomposed = Sms(to=TO, text="Siparis\u0327iniz")

    assert form_of(bulutfon.send_sms(decomposed, report_id=1))["content"] == "Siparişiniz"


@pytest.mark.parametrize(
    ("asked", "at"),
    [
        ("2045-03-01T09:00:00+00:00", "01/03/2045 12:00"),
        ("2045-03-01T09:00:01+00:00", "01/03/2045 12:01"),
        ("2045-12-31T20:59:30+00:00", "01/01/2046 00:00"),
    ],
)
def test_a_scheduled_message_never_goes_out_early_on_istanbuls_clock(bulutfon, asked, at):
    form = form_of(
        bulutfon.send_sms(Sms(to=TO, text="x", send_at=datetime.fromisoformat(asked)), report_id=1)
    )

    assert (form["is_future_sms"], form["send_date"]) == ("true", at)


def test_a_connection_without_a_token_says_so_before_anything_is_asked():
    vendor = Bulutfon(ACCOUNT.model_copy(update={"secret": Account.model_fields["secret"].default}))

    with pytest.raises(ConfigurationError, match="has no access token"):
        next(vendor.balance())


def test_many_recipients_share_a_request(bulutfon):
    assert recipients_per_request(bulutfon, "send_sms") == 100


def test_what_the_seed_does_not_describe_is_marked():
    beyond = {written.name for written in operations(Bulutfon) if written.beyond}

    assert beyond == {"balance", "sender_ids"}
    assert "ended its SMS service on 2020-12-31" in Bulutfon.__doc__
