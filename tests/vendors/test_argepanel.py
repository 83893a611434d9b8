"""What is peculiar to Arge's API, beyond its golden exchanges."""

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
    OutcomeUnknown,
    RateLimited,
    Rejected,
    UnreadableResponse,
    UnsupportedOperation,
)
from airflow_provider.engine.exchange import Accepted, Intent, intent_of
from airflow_provider.engine.messages import Email, Sms
from airflow_provider.engine.vendors.argepanel import Argepanel
from airflow_provider.engine.vendors.base import operations, recipients_per_request

KEY = "nk_a1b2c3d4e5"
TO = "+905321234567"
TEXT = "Kapı kodunuz 7788."


def arge(**fields):
    fields = {"identity": "ulak-program", "secret": KEY, **fields}
    return Argepanel(Account(conn_id="arge", base_url="https://arge.invalid", **fields))


def send(vendor=None, **fields):
    return (vendor or arge()).send_sms(Sms(to=TO, text=TEXT, **fields), report_id=1)


def envelope(message, *, success=False):
    return {"success": success, "requestId": "req-1", "message": message}


def raised(exchange, response):
    next(exchange)
    with pytest.raises(MessagingError) as caught:
        exchange.send(response)
    return caught.value


def test_what_it_can_do_and_that_verify_is_not_in_the_seed():
    assert {written.name: written.beyond is None for written in operations(Argepanel)} == {
        "verify": False,
        "send_sms": True,
        "send_email": True,
    }


def test_an_sms_goes_out_one_recipient_at_a_time():
    assert recipients_per_request(arge(), "send_sms") == 1


REFUSED = (401, 403, 404, 408, 413, 418, 422, 429, 500, 502, 503)


@pytest.mark.parametrize(
    ("operation", "status"),
    # 400 is the one refusal that verify hopes for.
    [
        *((name, status) for name in ("send_sms", "send_email") for status in (400, *REFUSED)),
        *(("verify", status) for status in REFUSED),
    ],
)
def test_every_error_carries_the_request_id(operation, status):
    begin = {
        "verify": arge().verify,
        "send_sms": send,
        "send_email": lambda: arge().send_email(
            Email(to="ali@ornek.com", subject="Konu", text=TEXT), report_id=1
        ),
    }
    error = raised(begin[operation](), httpx.Response(status, json=envelope("olmadı")))
    assert error.request_id == "req-1"
    assert (error.vendor, error.operation, error.status) == ("argepanel", operation, status)
    assert "request req-1" in str(error)


def test_the_two_kinds_of_403_are_told_apart():
    passive = raised(send(), httpx.Response(403, json=envelope("Bu API anahtarı pasif durumdadır.")))
    expired = raised(send(), httpx.Response(403, json=envelope("API anahtarının süresi dolmuş")))
    assert "passive" in passive.sentence
    assert "expired" in expired.sentence


def test_a_carrier_that_failed_may_still_have_sent_some():
    error = raised(send(), httpx.Response(502, json=envelope("Gönderim sağlayıcı hatası")))
    assert type(error) is OutcomeUnknown
    assert "some of the recipients" in error.sentence


def test_the_vendors_wish_to_wait_is_handed_on():
    answers = [
        ("120", 120.0, None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None, datetime(2026, 10, 21, 7, 28, tzinfo=UTC)),
    ]
    for header, seconds, moment in answers:
        response = httpx.Response(429, json=envelope("İstek limiti aşıldı"), headers={"Retry-After": header})
        error = raised(send(), response)
        assert isinstance(error, RateLimited)
        assert (error.retry_after, error.retry_at) == (seconds, moment)


@pytest.mark.parametrize("success", [False, None, "true", 1, [], {}])
def test_only_true_is_success(success):
    error = raised(send(), httpx.Response(200, json={**envelope("sent"), "success": success}))
    assert type(error) is UnreadableResponse


def test_an_error_does_not_repeat_what_was_sent():
    echo = f"{KEY} ile 905321234567 numarasına '{TEXT}' gönderilemedi"
    shown = str(raised(send(), httpx.Response(400, json=envelope(echo))))
    assert "gönderilemedi" in shown
    for private in (KEY, "905321234567", TEXT, "7788"):
        assert private not in shown


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("3F2504E0-4f89-41d3-9a0c-0305e82c3301", "3F2504E0-4f89-41d3-9a0c-0305e82c3301"),
        ("00000000-0000-0000-0000-905321234567", "00000000-0000-0000-0000-905321234567"),
        (4711, "4711"),
        (KEY, "***"),
        ("905321234567", "+90 532 *** ** 67"),
        (None, None),
        ({"id": 1}, None),
    ],
)
def test_a_request_id_is_shown_unless_it_is_an_echo(said, shown, answered):
    answer = {"success": True, "requestId": said, "message": "sent"}
    assert answered(send(), answer).request_id == shown


def test_verify_cannot_send_anything_and_may_be_repeated():
    request = next(arge().verify())
    body = json.loads(request.content)
    assert (body["phones"], body["message"]) == ([], "")
    assert body.keys() == {"apiKey", "programKey", "type", "phones", "message"}
    assert intent_of(request) is Intent.READ


def test_verify_never_says_that_the_keys_are_good(answered):
    identity = answered(arge().verify(), envelope("phones alanı zorunludur"), status=400)
    assert identity.account_id is None
    assert identity.name is None
    assert "not refused" in identity.note
    assert "not yet proof" in identity.note


@pytest.mark.parametrize(
    "field",
    [
        {"sender": "ULAK"},
        {"content_type": 0},
        {"sms_lang": 1},
        {"send_at": datetime(2027, 1, 1, tzinfo=UTC)},
        {"reject_link": False},
    ],
    ids=lambda field: next(iter(field)),
)
def test_a_field_without_a_place_is_refused_and_named(field):
    with pytest.raises(UnsupportedOperation, match=repr(next(iter(field)))):
        next(send(**field))


def test_the_connections_sender_does_not_stand_in_the_way_of_an_sms():
    assert "from" not in json.loads(next(send(arge(sender="ULAK"))).content)


@pytest.mark.parametrize("number", ["+4915112345678", "+90532123456", "+9053212345678", "+12125550100"])
def test_a_number_that_the_vendor_would_mangle_stays_here(number):
    with pytest.raises(InvalidMessage) as caught:
        next(arge().send_sms(Sms(to=number, text=TEXT), report_id=1))
    assert number not in str(caught.value)


@pytest.mark.parametrize(
    ("missing", "named"), [({"identity": ""}, "program key"), ({"secret": ""}, "API key")]
)
def test_a_connection_without_a_key_says_which(missing, named):
    for begin in (arge(**missing).verify, lambda: send(arge(**missing))):
        with pytest.raises(ConfigurationError, match=named):
            next(begin())


def test_an_address_as_sender_is_used_unless_the_mail_has_its_own():
    vendor = arge(sender="bildirim@ornek.com")
    mail = {"to": "ali@ornek.com", "subject": "Konu", "text": TEXT}
    for own, used in ((None, "bildirim@ornek.com"), ("satis@ornek.com", "satis@ornek.com")):
        request = next(vendor.send_email(Email(**mail, sender=own), report_id=1))
        assert json.loads(request.content)["from"] == used


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
bodies = st.binary() | st.dictionaries(
    st.sampled_from(["success", "requestId", "message"]), scalars | st.lists(scalars) | st.just("sent")
).map(lambda value: json.dumps(value).encode())


@given(status=st.integers(200, 599), body=bodies)
def test_nothing_but_success_counts_as_accepted_and_no_answer_breaks_out(status, body):
    exchange = send()
    next(exchange)
    with pytest.raises((StopIteration, MessagingError)) as caught:
        exchange.send(httpx.Response(status, content=body))
    if isinstance(caught.value, StopIteration):
        assert isinstance(caught.value.value, Accepted)
        assert status < 300
        assert json.loads(body)["success"] is True
    else:
        definite = 400 <= status < 500 and status not in {408, 409, 425, 429}
        assert isinstance(caught.value, Rejected) is definite
