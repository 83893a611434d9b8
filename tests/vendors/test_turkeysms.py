"""TurkeySMS beyond its golden exchanges: what its codes, statuses and options come to."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from airflow_provider.engine.account import Account
from airflow_provider.engine.errors import (
    AuthenticationFailed,
    ConfigurationError,
    InsufficientBalance,
    InvalidRecipient,
    MessagingError,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    SenderNotApproved,
    UnreadableResponse,
    UnsupportedOperation,
    VendorUnavailable,
)
from airflow_provider.engine.exchange import as_json
from airflow_provider.engine.messages import Otp, Sms, State
from airflow_provider.engine.vendors.base import operations, recipients_per_request
from airflow_provider.engine.vendors.turkeysms import TurkeySms

KEY = "k-5d41402abc4b2a76"
TO, ALSO_TO, ABROAD = "+905321234567", "+905321234568", "+4915112345678"
SMS = Sms(to=TO, text="Your order is on its way.")
MANY = Sms(to=[TO, ALSO_TO], text="Your order is on its way.")


def turkeysms(**options):
    return TurkeySms(
        Account(
            conn_id="turkeysms_default",
            base_url="https://vendor.invalid/turkeysms",
            secret=KEY,
            sender="ULAK",
            options=options,
        )
    )


def send(sms=SMS, **options):
    return turkeysms(**options).send_sms(sms, report_id=1)


def body_of(exchange):
    return json.loads(next(exchange).content)


# --- codes ------------------------------------------------------------------------------------------------

REFUSALS = [
    ("TS-1025", InvalidRecipient, "recipient"),
    ("TS-1026", Rejected, "message"),
    ("TS-1027", InsufficientBalance, "account"),
    ("TS-1028", SenderNotApproved, "account"),
    ("TS-1029", SenderNotApproved, "account"),
    ("TS-1030", AuthenticationFailed, "account"),
    ("TS-1031", AuthenticationFailed, "account"),
    ("TS-1032", Rejected, "recipient"),
    ("TS-1033", Rejected, "message"),
    ("TS-1034", InvalidRecipient, "recipient"),
    ("TS-1050", AuthenticationFailed, "account"),
    ("TS-1051", SenderNotApproved, "account"),
    ("TS-1052", Rejected, "message"),
    ("TS-1061", AuthenticationFailed, "account"),
    ("TS-1062", AuthenticationFailed, "account"),
    ("TS-1063", AuthenticationFailed, "account"),
    ("TS-1065", AuthenticationFailed, "account"),
    ("TS-1070", Rejected, "message"),
    ("TS-1071", Rejected, "message"),
    ("TS-1072", Rejected, "message"),
]


@pytest.mark.parametrize("status", [200, 400, 403, 429, 500])
@pytest.mark.parametrize(("code", "error", "scope"), REFUSALS)
def test_a_code_of_the_table_says_whom_it_concerns_whatever_the_status(answered, code, error, scope, status):
    with pytest.raises(error) as caught:
        answered(send(), {"result": False, "result_code": code}, status=status)

    assert type(caught.value) is error
    assert caught.value.scope == scope
    assert caught.value.code == code


def test_too_many_in_a_minute_says_when_to_try_again(answered):
    with pytest.raises(RateLimited) as caught:
        answered(send(), {"result": "false", "result_code": "TS-1060"})

    assert caught.value.retry_after == 60


@pytest.mark.parametrize("no", [False, "false", "False", 0, "0", "", None])
def test_a_no_is_a_no_in_any_spelling(answered, no):
    with pytest.raises(InsufficientBalance):
        answered(send(), {"result": no, "result_code": "TS-1027"})


def test_a_no_with_an_unknown_code_is_a_refusal_of_this_message_in_the_vendors_words(answered):
    with pytest.raises(Rejected) as caught:
        answered(send(), {"result": False, "result_code": "TS-1099", "result_message": "Blocked by operator"})

    assert (type(caught.value), caught.value.scope, caught.value.code) == (Rejected, "message", "TS-1099")
    assert "Blocked by operator" in str(caught.value)


def test_the_vendors_words_come_without_what_they_echo(answered):
    echo = f"key {KEY} number 905321234567 text {SMS.text}"
    with pytest.raises(Rejected) as caught:
        answered(send(), {"result": False, "result_code": KEY, "result_message": echo})

    shown = str(caught.value)
    assert "number +90 532 *** ** 67" in shown
    assert KEY not in shown
    assert SMS.text not in shown


# --- what may be taken for a yes ----------------------------------------------------------------------------


@pytest.mark.parametrize("yes", [True, "true", "True", 1, "1"])
def test_a_yes_is_a_yes_in_any_spelling(answered, yes):
    accepted = answered(send(), {"result": yes, "result_code": "TS-1024", "sms_id": 7})

    assert accepted.message_id == "7"


def test_a_yes_without_a_report_is_taken_though_it_has_no_id(answered):
    accepted = answered(send(), {"result": True, "result_code": "TS-1024"})

    assert accepted.message_id is None


def test_a_yes_with_an_unknown_code_needs_a_message_id(answered):
    unknown = {"result": True, "result_code": "TS-1000"}

    assert answered(send(), {**unknown, "sms_id": "7"}).message_id == "7"
    with pytest.raises(UnreadableResponse):
        answered(send(), unknown)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"result": True, "result_code": "TS-1027", "sms_id": "7"},  # yes and no at once
        {"result": False, "result_code": "TS-1024", "sms_id": "7"},  # no and yes at once
        {"result_code": "TS-1024", "sms_id": "7"},  # neither
        {"result": "perhaps", "result_code": "TS-1024", "sms_id": "7"},
        {"result": False, "result_code": "TS-1024", "sms_id": "7", "sms_status_code": "TS-1024"},
        {"result": [True], "sms_id": "7"},
        {"result": 1.0, "sms_id": "7"},
        ["result", True],
        True,
    ],
)
def test_a_doubtful_answer_to_a_send_is_neither_a_yes_nor_a_refusal(answered, answer):
    with pytest.raises(UnreadableResponse):
        answered(send(), answer)


@pytest.mark.parametrize("code", ["TS-1024", "TS-1040", "TS-1046", "TS-1064"])
def test_a_no_with_a_code_of_success_is_neither(answered, code):
    with pytest.raises(UnreadableResponse, match=code):
        answered(turkeysms().balance(), {"result": False, "result_code": code, "local_balance_sms": 5})


def test_a_server_error_is_no_refusal_whatever_it_says_about_the_result(answered):
    with pytest.raises(OutcomeUnknown):
        answered(send(), {"result": False, "result_message": "Internal Server Error"}, status=500)


def test_a_yes_wins_over_a_server_error(answered):
    assert (
        answered(send(), {"result": 1, "result_code": "TS-1024", "sms_id": "7"}, status=502).message_id == "7"
    )


@pytest.mark.parametrize(
    ("status", "error", "scope"),
    [
        (200, UnreadableResponse, None),
        (301, OutcomeUnknown, None),
        (400, Rejected, "account"),
        (401, AuthenticationFailed, "account"),
        (403, AuthenticationFailed, "account"),
        (404, Rejected, "account"),
        (408, OutcomeUnknown, None),
        (429, RateLimited, None),
        (502, OutcomeUnknown, None),
    ],
)
def test_the_status_decides_about_a_page_instead_of_an_answer(answered, status, error, scope):
    with pytest.raises(MessagingError) as caught:
        answered(send(), text="<html>nginx</html>", status=status)

    assert type(caught.value) is error
    assert getattr(caught.value, "scope", None) == scope


def test_a_question_that_meets_a_server_error_may_be_asked_again(answered):
    with pytest.raises(VendorUnavailable):
        answered(turkeysms().balance(), text="", status=503)


def test_no_answer_to_a_request_for_many_is_taken_for_a_refusal_of_some(answered):
    for code in ("TS-1025", "TS-1032", "TS-1034", "TS-1099"):
        with pytest.raises(UnreadableResponse) as caught:
            answered(send(MANY, use_multi=True), {"result": False, "result_code": code})
        assert caught.value.code == code


def test_a_refusal_of_a_request_for_many_as_a_whole_is_a_refusal(answered):
    with pytest.raises(InsufficientBalance):
        answered(send(MANY, use_multi=True), {"result": False, "result_code": "TS-1027"})
    with pytest.raises(Rejected, match="TS-1026"):
        answered(send(MANY, use_multi=True), {"result": False, "result_code": "TS-1026"})
    with pytest.raises(AuthenticationFailed):
        answered(send(MANY, use_multi=True), text="<html>nginx</html>", status=403)


# --- answers ------------------------------------------------------------------------------------------------


def test_taken_is_not_arrived_and_arrived_is_not_taken(answered):
    delivery = turkeysms().delivery("7")
    with pytest.raises(UnreadableResponse):
        answered(delivery, {"result": True, "result_code": "TS-1024", "result_message": "sent successfully"})

    (report,) = answered(turkeysms().delivery("7"), {"result": True, "sms_status_code": "TS-1024"}).reports
    assert report.state is State.DELIVERED


def test_the_balance_does_not_carry_the_key_that_the_answer_repeats(answered):
    balance = answered(
        turkeysms().balance(),
        {"result": True, "api_key": KEY, "local_balance_sms": 12, "international_balance_tl": "3.50"},
    )

    assert as_json(balance) == {"credits": 12, "money": 3.5, "currency": "TRY"}


def test_the_balance_may_be_told_by_half_but_not_left_out(answered):
    told = answered(turkeysms().balance(), {"result": True, "local_balance_sms": "12"})
    assert (told.credits, told.money) == (12, None)

    with pytest.raises(UnreadableResponse):
        answered(turkeysms().balance(), {"result": True, "local_balance_sms": "many"})


def test_a_code_is_shown_to_nobody_by_accident(answered):
    otp = Otp(to=TO)
    accepted = answered(
        turkeysms().send_otp(otp, report_id=1),
        {"result": True, "result_code": "TS-1024", "sms_id": "7", "otp_code": "314159"},
    )

    assert accepted.code.get_secret_value() == "314159"
    assert "314159" not in repr(accepted)
    assert "314159" not in json.dumps(as_json(accepted))


def test_a_refused_code_is_not_quoted(answered):
    with pytest.raises(UnreadableResponse) as caught:
        answered(turkeysms().send_otp(Otp(to=TO), report_id=1), text="Array\n(\n [otp_code] => 314159\n)")

    assert "314159" not in str(caught.value)


@pytest.mark.parametrize("written", ["99999999999999999999", "-1", "1e9", "many", None, [1]])
def test_an_odd_count_of_the_last_minute_is_left_out(answered, written):
    answer = {"result": True, "result_code": "TS-1024", "sms_id": "7", "total_has_sent_last_1_min": written}

    assert answered(send(), answer).sent_last_minute is None


# --- requests -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "sms_lang"),
    [("plain", 0), ("^{}[]~|€", 0), ("çığ", 1), ("ğ" * 140, 1), ("â", 2), ("🙂", 2)],
)
def test_the_language_is_the_cheapest_encoding_that_has_the_text(text, sms_lang):
    assert body_of(send(Sms(to=TO, text=text)))["sms_lang"] == sms_lang


def test_a_text_goes_out_composed_so_that_it_is_not_charged_as_unicode():
    decomposed = "Siparis\u0327iniz yola c\u0327ikti"
    body = body_of(send(Sms(to=TO, text=decomposed)))

    assert body["text"] == "Siparişiniz yola çikti"
    assert body["sms_lang"] == 1


@pytest.mark.parametrize(
    ("asked", "at"),
    [
        ("2045-03-01T09:00:00+00:00", ("2045-03-01", "12:00")),
        ("2045-03-01T09:00:00.000001+00:00", ("2045-03-01", "12:01")),
        ("2045-03-01T20:59:59+00:00", ("2045-03-02", "00:00")),
        ("2045-07-01T09:00:00-05:00", ("2045-07-01", "17:00")),
    ],
)
def test_a_scheduled_message_never_goes_out_early_on_istanbuls_clock(asked, at):
    body = body_of(send(Sms(to=TO, text="soon", send_at=datetime.fromisoformat(asked))))

    assert (body["scheduled_date"], body["scheduled_time"]) == at


def test_a_code_in_ones_own_words_goes_by_post_even_where_codes_go_by_get():
    request = next(turkeysms(use_otp_get=True).send_otp(Otp(to=TO, text="TS_CODE"), report_id=1))

    assert (request.method, request.url.path) == (
        "POST",
        "/turkeysms/api/v3/otp_post_detailed/add-content",
    )


LATER = datetime(2045, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("sms", "options"),
    [
        (Sms(to=TO, text="x", reject_link=True), {}),
        (Sms(to=TO, text="x", send_at=LATER), {"use_get": True}),
        (MANY.model_copy(update={"send_at": LATER}), {"use_multi": True}),
        (MANY, {}),
        (MANY, {"use_get": True}),
        (Sms(to=[TO, ABROAD], text="x"), {"use_multi": True}),
    ],
)
def test_what_cannot_be_expressed_is_refused_before_anything_is_asked(sms, options):
    with pytest.raises(UnsupportedOperation, match=r"turkeysms send_sms: .* Nothing was sent"):
        next(send(sms, **options))


def test_what_costs_nothing_to_honour_is_not_refused():
    assert "reject_link" not in body_of(send(Sms(to=TO, text="x", reject_link=False)))


# --- the account ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"content_type": 3}, "content_type"),
        ({"content_type": "advertising"}, "content_type"),
        ({"use_get": "sometimes"}, "use_get"),
        ({"use_multi": 2}, "use_multi"),
        ({"use_get": True, "use_multi": True}, "use_get and use_multi"),
    ],
)
def test_a_wrong_option_is_named_at_once(options, named):
    with pytest.raises(ConfigurationError, match=f"'turkeysms_default'.*{named}"):
        turkeysms(**options)


def test_options_of_an_empty_form_are_those_by_default():
    empty = turkeysms(content_type="", use_get=None, use_multi="", use_otp_get=None)

    assert body_of(empty.send_sms(SMS, report_id=1))["content_type"] == 0


def test_many_recipients_share_a_request_only_where_it_was_asked_for():
    assert recipients_per_request(turkeysms(), "send_sms") == 1
    assert recipients_per_request(turkeysms(use_multi="true"), "send_sms") == 100
    assert recipients_per_request(turkeysms(use_multi=True), "send_otp") == 1


def test_a_connection_without_a_key_says_so_before_anything_is_asked():
    vendor = TurkeySms(Account(conn_id="turkeysms_default", base_url="https://vendor.invalid", sender="ULAK"))

    for exchange in (vendor.send_sms(SMS, report_id=1), vendor.delivery("7")):
        with pytest.raises(ConfigurationError, match="has no API key"):
            next(exchange)


def test_what_the_seed_does_not_describe_is_marked():
    beyond = {written.name for written in operations(TurkeySms) if written.beyond}

    assert beyond == {"sender_ids"}
