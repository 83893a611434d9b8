"""What is peculiar to BaslikliSMS: a contract in place of documentation, and a webhook that nobody signs."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider.engine.account import Account
from airflow_provider.engine.errors import (
    ConfigurationError,
    InvalidMessage,
    MessagingError,
    UnreadableResponse,
    UnsupportedOperation,
)
from airflow_provider.engine.exchange import DeliveryReport, Intent, intent_of
from airflow_provider.engine.messages import Sms, State
from airflow_provider.engine.vendors.base import operations, recipients_per_request
from airflow_provider.engine.vendors.basliklisms import BaslikliSms, ContractProfile

KEY = "bk-a1b2c3d4e5"
TO = "+905321234567"
TEXT = "Kapı kodunuz 7788."
PROFILE = {
    "label": "contract of May 2026",
    "send": {
        "method": "POST",
        "path": "/v3/messages",
        "fields": {"to": "recipients", "text": "message", "sender": "title"},
        "many": "list",
        "result": {"message_id": "message_id", "credits": "credits"},
    },
    "status": {"method": "GET", "path": "/v3/messages/{message_id}", "result": {"status": "status"}},
    "balance": {"method": "GET", "path": "/v3/balance", "result": {"credits": "balance"}},
}


def changed(**places):
    """The profile with values put at dotted places; ``...`` takes one away."""
    profile = json.loads(json.dumps(PROFILE))
    for place, value in places.items():
        *way, last = place.split("__")
        part = profile
        for name in way:
            part = part[name]
        if value is ...:
            del part[last]
        else:
            part[last] = value
    return profile


def baslikli(profile=PROFILE, **fields):
    fields = {"base_url": "https://vendor.invalid", "secret": KEY, "sender": "ULAK", **fields}
    return BaslikliSms(
        Account(conn_id="baslik", options={} if profile is None else {"profile": profile}, **fields)
    )


def send(vendor=None, **fields):
    return (vendor or baslikli()).send_sms(Sms(**{"to": TO, "text": TEXT, **fields}), report_id=1)


def body_of(exchange):
    return json.loads(next(exchange).content)


def test_all_but_the_webhook_is_beyond_the_seed():
    assert {written.name: written.beyond is None for written in operations(BaslikliSms)} == {
        "send_sms": False,
        "delivery": False,
        "balance": False,
        "read_callback": True,
    }


# --- the contract ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("begin", [send, lambda v: v.delivery("msg_1"), lambda v: v.balance()])
def test_without_a_contract_nothing_is_asked_and_the_error_says_what_to_do(begin):
    for nothing in (None, ""):
        with pytest.raises(ConfigurationError) as caught:
            next(begin(baslikli(nothing)))
        assert "contract profile" in caught.value.sentence
        assert "Ask the vendor" in caught.value.advice


def test_a_contract_may_be_json_text():
    assert str(next(send(baslikli(json.dumps(PROFILE)))).url) == "https://vendor.invalid/v3/messages"


@pytest.mark.parametrize(
    ("profile", "place"),
    [
        ("{", "profile"),
        ("[]", "profile"),
        (7, "profile"),
        ({}, "send"),
        (changed(label=...), "label"),
        (changed(label=""), "label"),
        (changed(tempo=3), "tempo"),
        (changed(send__method="GET"), "send.method"),
        (changed(send__method="post"), "send.method"),
        (changed(status__method="DELETE"), "status.method"),
        (changed(send__path="v3/messages"), "send.path"),
        (changed(send__path=""), "send.path"),
        (changed(send__path="/"), "send.path"),
        (changed(send__path="//evil.invalid/v3"), "send.path"),
        (changed(send__path="https://evil.invalid/v3"), "send.path"),
        (changed(send__path="/v3/../admin"), "send.path"),
        (changed(send__path="/v3/./messages"), "send.path"),
        (changed(send__path="/v3/messages?key=1"), "send.path"),
        (changed(send__path="/v3/messages#x"), "send.path"),
        (changed(send__path="/v3/me ssages"), "send.path"),
        (changed(send__path="/v3/%2e%2e/admin"), "send.path"),
        (changed(send__path="/v3\\messages"), "send.path"),
        (changed(send__path="/v3/messages\n"), "send.path"),
        (changed(send__path="/v3/mesajları"), "send.path"),
        (changed(send__path="/v3/{message_id}"), "send"),
        (changed(status__path="/v3/messages"), "status"),
        (changed(status__path="/v3/{message_id}/{message_id}"), "status"),
        (changed(status__path="/v3/{id}"), "status.path"),
        (changed(balance__path="/v3/{message_id}"), "balance"),
        (changed(send__fields__to=""), "send.fields.to"),
        (changed(send__fields__to="re cipients"), "send.fields.to"),
        (changed(send__fields__text=...), "send.fields.text"),
        (changed(send__fields__text="recipients"), "send.fields"),
        (changed(send__fields__sender="message"), "send.fields"),
        (changed(send__many="array"), "send.many"),
        (changed(send__recipients_per_request=0), "send.recipients_per_request"),
        (changed(send__many="single", send__recipients_per_request=2), "send"),
        (changed(send__result={}), "send.result.message_id"),
        (changed(send__result__message_id="a..b"), "send.result.message_id"),
        (changed(phone_format="tr"), "phone_format"),
        (changed(states={"YOLDA": "UNKNOWN"}), "states.YOLDA"),
        (changed(base_url="http://vendor.invalid"), "base_url"),
        (changed(base_url="https://user:pass@vendor.invalid"), "base_url"),
        (changed(base_url="https://vendor.invalid/?"), "base_url"),
        (changed(base_url="vendor.invalid"), "base_url"),
        (changed(base_url="ftp://127.0.0.1"), "base_url"),
    ],
)
def test_a_contract_that_is_wrong_is_refused_at_once_and_the_place_is_named(profile, place):
    with pytest.raises(ConfigurationError) as caught:
        baslikli(profile)
    assert f"{place}: " in caught.value.sentence


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:8025/basliklisms",
        "http://127.8.9.1",
        "http://localhost:1",
        "http://[::1]:1",
        "https://localhost",
    ],
)
def test_the_sandboxs_assumption_is_used_on_this_machine(address):
    request = next(send(baslikli(changed(label="assumed"), base_url=address)))
    assert str(request.url) == f"{address}/v3/messages"


@pytest.mark.parametrize(
    "address",
    [
        "https://vendor.invalid",
        "https://127.0.0.1.vendor.invalid",
        "https://localhost.vendor.invalid",
        "https://0.0.0.0",
        "https://10.0.0.1",
        "https://[::ffff:10.0.0.1]",
    ],
)
def test_the_sandboxs_assumption_is_never_sent_to_a_vendor(address):
    for vendor in (
        baslikli(changed(label="assumed"), base_url=address),
        baslikli(changed(label="assumed", base_url=address), base_url=""),
    ):
        with pytest.raises(ConfigurationError, match="sandbox's invention"):
            next(send(vendor))


@pytest.mark.parametrize(
    "address",
    [
        "http://vendor.invalid",
        "http://localhost@vendor.invalid",
        "https://a@vendor.invalid",
        "https://v.invalid?x=",
        "x",
    ],
)
def test_the_key_goes_out_encrypted_or_not_at_all(address):
    with pytest.raises(ConfigurationError, match="The host of connection 'baslik'"):
        next(send(baslikli(base_url=address)))


def test_the_contracts_address_is_for_a_connection_without_one():
    profile = changed(base_url="https://contract.invalid/api/")
    assert str(next(send(baslikli(profile, base_url=""))).url) == "https://contract.invalid/api/v3/messages"
    assert next(send(baslikli(profile))).url.host == "vendor.invalid"
    with pytest.raises(ConfigurationError, match="where the API is"):
        next(send(baslikli(base_url="")))


@pytest.mark.parametrize(
    ("phone_format", "wire"),
    [("e164", "+905321234567"), ("90", "905321234567"), ("0", "05321234567"), ("national", "5321234567")],
)
def test_a_number_is_written_as_the_contract_says(phone_format, wire):
    assert body_of(send(baslikli(changed(phone_format=phone_format))))["recipients"] == [wire]


@pytest.mark.parametrize("number", ["+4915112345678", "+90532123456", "+9053212345678"])
def test_a_number_without_a_form_in_the_contract_stays_here(number):
    with pytest.raises(InvalidMessage) as caught:
        next(send(to=number))
    assert number not in str(caught.value)
    assert body_of(send(baslikli(changed(phone_format="e164")), to=number))["recipients"] == [number]


@pytest.mark.parametrize(
    ("many", "wire"),
    [("list", ["905321234567", "905331234567"]), ("comma", "905321234567,905331234567")],
)
def test_many_recipients_have_the_contracts_form(many, wire):
    vendor = baslikli(changed(send__many=many, send__recipients_per_request=2))
    assert recipients_per_request(vendor, "send_sms") == 2
    assert body_of(send(vendor, to=[TO, "+905331234567"]))["recipients"] == wire


def test_one_recipient_is_a_list_a_text_or_a_text():
    forms = [
        body_of(send(baslikli(changed(send__many=many))))["recipients"]
        for many in ("list", "comma", "single")
    ]
    assert forms == [["905321234567"], "905321234567", "905321234567"]


def test_recipients_do_not_share_a_message_id_unless_the_contract_says_so():
    assert recipients_per_request(baslikli(), "send_sms") == 1
    assert recipients_per_request(baslikli(None), "send_sms") == 1


def test_the_title_is_the_messages_or_the_connections():
    assert body_of(send(sender="KARGO"))["title"] == "KARGO"
    assert body_of(send())["title"] == "ULAK"
    with pytest.raises(ConfigurationError, match="no sender"):
        next(send(baslikli(sender=None)))


def test_a_contract_without_titles_takes_none():
    vendor = baslikli(changed(send__fields__sender=...))
    assert body_of(send(vendor)) == {"recipients": ["905321234567"], "message": TEXT}
    with pytest.raises(UnsupportedOperation, match="'sender'"):
        next(send(vendor, sender="KARGO"))


@pytest.mark.parametrize(
    "field",
    [
        {"content_type": 0},
        {"sms_lang": 1},
        {"send_at": datetime(2027, 1, 1, tzinfo=UTC)},
        {"reject_link": True},
    ],
    ids=lambda field: next(iter(field)),
)
def test_a_field_without_a_place_is_refused_and_named(field):
    with pytest.raises(UnsupportedOperation, match=repr(next(iter(field)))):
        next(send(**field))


@pytest.mark.parametrize("section", ["status", "balance"])
def test_what_the_contract_lacks_cannot_be_asked(section):
    vendor = baslikli(changed(**{section: ...}))
    exchange = vendor.delivery("msg_1") if section == "status" else vendor.balance()
    with pytest.raises(UnsupportedOperation, match=f"no section '{section}'"):
        next(exchange)


# --- answers --------------------------------------------------------------------------------------------


def test_a_422_names_both_of_its_reasons_and_neither_for_sure(answered):
    with pytest.raises(MessagingError) as caught:
        answered(send(), {}, status=422)
    for reason in ("balance", "title", "does not say which"):
        assert reason in str(caught.value)
    assert caught.value.scope == "account"


def test_an_answer_is_read_at_the_contracts_places(answered):
    vendor = baslikli(changed(send__result={"message_id": "data.0.id", "credits": "data.0.cost.sms"}))
    accepted = answered(send(vendor), {"data": [{"id": 17, "cost": {"sms": "2"}}]})
    assert (accepted.message_id, accepted.charged) == ("17", 2)


@pytest.mark.parametrize(
    "answer", [{}, {"data": []}, {"data": "abc"}, {"data": [{"id": None}]}, {"data": {"1": {"id": 1}}}]
)
def test_an_answer_without_a_message_id_proves_nothing(answer, answered):
    vendor = baslikli(changed(send__result={"message_id": "data.0.id"}))
    with pytest.raises(UnreadableResponse, match=r"'data\.0\.id'"):
        answered(send(vendor), answer)


def test_a_page_in_place_of_an_answer_proves_nothing(answered):
    with pytest.raises(UnreadableResponse, match="not a JSON object"):
        answered(send(), text="<html>OK</html>")


def test_a_place_in_a_list_is_no_letter_of_a_text(answered):
    vendor = baslikli(changed(send__result={"message_id": "data.0"}))
    with pytest.raises(UnreadableResponse):
        answered(send(vendor), {"data": "abc"})


def test_an_error_does_not_repeat_what_was_sent(answered):
    with pytest.raises(MessagingError) as caught:
        answered(send(), {"message": f"{KEY}: 905321234567 '{TEXT}' gönderilemedi"}, status=400)
    shown = str(caught.value)
    assert "gönderilemedi" in shown
    for private in (KEY, "905321234567", "7788"):
        assert private not in shown


@pytest.mark.parametrize("message_id", ["", ".", "..", "a b", "ş", "a\n", "x" * 201, "\ud800"])
def test_what_is_no_message_id_is_not_put_into_a_path(message_id):
    with pytest.raises(InvalidMessage):
        next(baslikli().delivery(message_id))


@pytest.mark.parametrize("message_id", ["msg_4829", "../balance", "a/b", "a?b=c", "a#b", "%2e%2e", "//x"])
def test_a_message_id_stays_one_segment_of_the_path(message_id):
    request = next(baslikli().delivery(message_id))
    assert request.url.host == "vendor.invalid"
    assert request.url.raw_path.startswith(b"/v3/messages/")
    assert request.url.raw_path.count(b"/") == 3
    assert not request.url.query
    assert intent_of(request) is Intent.READ


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("DELIVERED", State.DELIVERED),
        ("delivered", State.DELIVERED),
        ("FAILED", State.FAILED),
        ("ILETILDI", State.DELIVERED),
        ("SENT", State.FAILED),
        ("iletildi", State.ACCEPTED),
        ("QUEUED", State.ACCEPTED),
        (5, State.ACCEPTED),
    ],
)
def test_a_contract_adds_words_and_any_other_ends_nothing(word, state, answered):
    vendor = baslikli(changed(states={"ILETILDI": "DELIVERED", "SENT": "FAILED"}))
    (found,) = answered(vendor.delivery("msg_1"), {"status": word}).reports
    assert (found.state, found.word) == (state, str(word))


@pytest.mark.parametrize("secret", ["", "şifre", "a\r\nX-Evil: 1"])
def test_a_key_that_fits_no_header_is_not_sent(secret):
    with pytest.raises(ConfigurationError, match="API key") as caught:
        next(send(baslikli(secret=secret)))
    assert "Evil" not in str(caught.value)


# --- webhook --------------------------------------------------------------------------------------------

HOOK = {
    "event": "message.delivered",
    "message_id": "msg_4829",
    "recipient": "0532XXXXXXX",
    "status": "DELIVERED",
    "timestamp": "2026-01-14T02:36:00Z",
}


@pytest.mark.parametrize("recipient", ["0532XXXXXXX", "05321234567", "+905321234567"])
def test_the_webhooks_recipient_is_never_made_a_number(recipient):
    vendor = BaslikliSms(Account(conn_id="baslik", base_url=""))
    assert vendor.read_callback({}, json.dumps({**HOOK, "recipient": recipient}).encode()) == DeliveryReport(
        state=State.DELIVERED,
        word="DELIVERED",
        message_id="msg_4829",
        at=datetime(2026, 1, 14, 2, 36, tzinfo=UTC),
    )


def test_an_unknown_event_is_taken_by_its_status():
    body = json.dumps({**HOOK, "event": "message.read", "status": "READ"}).encode()
    assert baslikli().read_callback({}, body).state is State.ACCEPTED


@pytest.mark.parametrize("moment", ["", "2026-01-14T02:36:00", "0001-01-01T00:00:00+03:00", "dün", 5, None])
def test_a_moment_that_cannot_be_placed_is_left_open(moment):
    assert baslikli().read_callback({}, json.dumps({**HOOK, "timestamp": moment}).encode()).at is None


@given(
    st.binary()
    | st.dictionaries(
        st.sampled_from(list(HOOK)),
        st.none() | st.integers() | st.text() | st.lists(st.text()) | st.just("x"),
    ).map(lambda value: json.dumps(value).encode())
)
def test_no_webhook_breaks_out_of_the_error_tree(body):
    try:
        found = baslikli().read_callback({}, body)
    except UnreadableResponse:
        return
    assert found.to is None
    assert found.message_id
    assert found.at is None or found.at.astimezone(UTC)


def test_the_documented_shape_is_a_profile():
    assert ContractProfile.model_validate({**PROFILE, "base_url": None}).phone_format == "90"


def test_a_proxys_page_says_no_more_than_its_status():
    exchange = send()
    next(exchange)
    with pytest.raises(MessagingError) as caught:
        exchange.send(httpx.Response(403, text="<html>Forbidden</html>"))
    assert caught.value.scope == "account"
    assert "html" not in str(caught.value)
