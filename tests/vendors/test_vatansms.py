"""What is peculiar to VatanSMS's API, beyond its golden exchanges."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider.engine.account import Account
from airflow_provider.engine.errors import (
    AuthenticationFailed,
    ConfigurationError,
    InvalidMessage,
    MessagingError,
    UnreadableResponse,
)
from airflow_provider.engine.exchange import Accepted, DeliveryReport, as_json, read_timeout_of
from airflow_provider.engine.messages import Attachment, State, WhatsApp
from airflow_provider.engine.vendors.base import operations, recipients_per_request
from airflow_provider.engine.vendors.vatansms import VatanSms

ID, SECRET = "client-4711", "s3cr3t-of-vatan"
HEADERS = {"client-id": ID, "client-secret": SECRET}
TO = "+905321234567"
TEXT = "Kapı kodunuz 7788."
ISTANBUL = timezone(timedelta(hours=3))


def vatan(**fields):
    fields = {"identity": ID, "secret": SECRET, "options": {"reg_id": "2953401050"}, **fields}
    return VatanSms(Account(conn_id="vatan", base_url="https://vatan.invalid/api/whatsapp/v1", **fields))


def send(**fields):
    return vatan().send_whatsapp(WhatsApp(**{"to": TO, "text": TEXT, **fields}), report_id=33)


def body_of(exchange):
    return json.loads(next(exchange).content)


def envelope(code=200, **rest):
    return {"code": code, "status": "success", "description": "İşlem başarılı!", **rest}


def report(**changes):
    told = {
        "callback_data": "33",
        "status": "1",
        "phone": "905321234567",
        "content": TEXT,
        "send_time": "2024-05-20 14:49:55 +0300 +03",
        **changes,
    }
    return json.dumps({name: value for name, value in told.items() if value is not ...}).encode()


def test_what_it_can_do_is_all_in_the_seed():
    assert {written.name for written in operations(VatanSms) if written.beyond is None} == {
        "send_whatsapp",
        "send_whatsapp_each",
        "login_phone",
        "login_qr",
        "check_login",
        "check_active",
        "devices",
        "profile_picture",
        "logout",
        "read_callback",
    }
    assert all(written.beyond is None for written in operations(VatanSms))


# --- sending --------------------------------------------------------------------------------------------


def test_a_request_may_name_a_hundred():
    assert recipients_per_request(vatan(), "send_whatsapp") == 100
    assert recipients_per_request(vatan(), "send_whatsapp_each") == 100


def test_the_messages_own_device_and_speed_come_before_the_connections():
    vendor = vatan(options={"reg_id": "1", "send_speed": 2})
    own = body_of(vendor.send_whatsapp(WhatsApp(to=TO, text=TEXT, device="9", speed=4), report_id=33))
    assert (own["reg_id"], own["send_speed"]) == ("9", 4)
    default = body_of(vendor.send_whatsapp(WhatsApp(to=TO, text=TEXT), report_id=33))
    assert (default["reg_id"], default["send_speed"]) == ("1", 2)


def test_every_send_carries_the_report_id_as_a_number():
    message = WhatsApp(to=TO, text=TEXT)
    for exchange in (
        send(),
        send(to=[TO, "+4915112345678"]),
        vatan().send_whatsapp_each([message], report_id=33),
    ):
        assert body_of(exchange)["report_id"] == 33


@pytest.mark.parametrize("speed", ["0", 5, "hızlı", 1.5, -1, True, [1]])
def test_a_send_speed_that_the_vendor_does_not_have_is_refused_at_once(speed):
    with pytest.raises(ConfigurationError, match="send speed"):
        vatan(options={"send_speed": speed})


@pytest.mark.parametrize(
    "name",
    [
        "a.pdf",
        "a.doc",
        "a.docx",
        "a.ppt",
        "a.pptx",
        "a.xls",
        "a.xlsx",
        "a.jpg",
        "a.jpeg",
        "a.png",
        "RAPOR.2026.PDF",
    ],
)
def test_the_kinds_of_file_that_the_page_lists_are_taken(name):
    file = Attachment(name=name, media_type="application/octet-stream", content=b"\x00\xff")
    request = next(send(attachment=file))
    assert request.headers["content-type"].startswith("multipart/form-data")
    assert f'name="attachment"; filename="{name}"'.encode() in request.content
    assert b"\x00\xff" in request.content


@pytest.mark.parametrize("name", ["kurulum.exe", "pdf", "rapor", "rapor.pdf.zip", ".pdf", "rapor."])
def test_any_other_kind_of_file_stays_here(name):
    file = Attachment(name=name, media_type="application/pdf", content=b"x")
    with pytest.raises(InvalidMessage, match="kind of attachment"):
        next(send(attachment=file))


@pytest.mark.parametrize("field", ["device", "speed", "attachment"])
def test_messages_of_one_request_agree_on_what_it_says_once(field):
    file = Attachment(name="a.pdf", media_type="application/pdf", content=b"a")
    value = {"device": "9", "speed": 4, "attachment": file}[field]
    messages = [WhatsApp(to=TO, text="bir"), WhatsApp(to="+905331234567", text="iki", **{field: value})]
    with pytest.raises(InvalidMessage, match=field):
        next(vatan().send_whatsapp_each(messages, report_id=33))


def test_no_messages_are_no_request():
    with pytest.raises(InvalidMessage, match="no message"):
        next(vatan().send_whatsapp_each([], report_id=33))


@pytest.mark.parametrize("code", [200, "200"])
def test_accepted_is_http_2xx_with_code_200(code, answered):
    assert answered(send(), envelope(code)) == Accepted()


@pytest.mark.parametrize("answer", [envelope(400), envelope(500), envelope(None), {"status": "success"}, {}])
def test_http_200_alone_is_no_yes(answer, answered):
    with pytest.raises(UnreadableResponse):
        answered(send(), answer)


def test_code_200_alone_is_no_yes(answered):
    with pytest.raises(MessagingError) as caught:
        answered(send(), envelope(200), status=401)
    assert type(caught.value) is AuthenticationFailed


def test_an_error_does_not_repeat_what_was_sent(answered):
    echo = f"{SECRET}/{ID}: 905321234567 '{TEXT}' gönderilemedi"
    with pytest.raises(MessagingError) as caught:
        answered(send(), {"code": 422, "description": echo}, status=422)
    shown = str(caught.value)
    assert "gönderilemedi" in shown
    for private in (ID, SECRET, "905321234567", "7788"):
        assert private not in shown


# --- devices --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", ["check_login", "check_active"])
@pytest.mark.parametrize("connected", [True, False, "true", "false", 1, "0"])
@pytest.mark.parametrize("inside", [True, False])
def test_is_connect_is_found_inside_data_and_beside_it(operation, connected, inside, answered):
    found = {"is_connect": connected, "message": "device connected"}
    answer = envelope(data=found) if inside else envelope(data={"platform": "android"}, **found)
    link = answered(getattr(vatan(), operation)("7"), answer)
    assert link.device == "7"
    assert link.connected is (str(connected).lower() in {"true", "1"})
    assert link.message == "device connected"


def test_the_first_check_waits_longer_than_the_vendor_takes():
    assert read_timeout_of(next(vatan().check_login("7"))) == 40
    assert read_timeout_of(next(vatan().check_active("7"))) is None


def test_a_code_and_a_qr_are_kept_from_sight(answered):
    for exchange, data in (
        (vatan().login_phone(TO), {"code": "HP61-VKLZ", "regId": "1"}),
        (vatan().login_qr(), {"qr": "HP61-VKLZ", "regId": "1"}),
    ):
        pairing = answered(exchange, envelope(data=data))
        assert "HP61" not in repr(pairing)
        assert "HP61" not in json.dumps(as_json(pairing))


@pytest.mark.parametrize("name", ["regId", "reg_id"])
def test_a_new_device_is_found_under_both_of_its_names(name, answered):
    assert answered(vatan().login_qr(), envelope(data={"qr": "2@a", name: 578028480})).device == "578028480"


@pytest.mark.parametrize("code", ["s3cr3t-of-vatan", "905321234567", {"a": 1}, [200], None])
def test_a_code_that_is_none_is_not_shown(code, answered):
    with pytest.raises(MessagingError) as caught:
        answered(send(), envelope(code), status=400)
    assert caught.value.code is None


@pytest.mark.parametrize(
    "data",
    [None, [], "x", {}, {"regId": "1"}, {"qr": "2@a"}, {"qr": 5, "regId": "1"}, {"qr": "2@a", "regId": None}],
)
def test_half_a_pairing_is_none(data, answered):
    with pytest.raises(UnreadableResponse):
        answered(vatan().login_qr(), envelope(data=data))


@pytest.mark.parametrize("data", [None, {}, "x", [None], ["x"], [{}], [{"reg_id": None}]])
def test_a_list_of_devices_without_ids_is_none(data, answered):
    with pytest.raises(UnreadableResponse):
        answered(vatan().devices(), envelope(data=data))


def test_what_is_unclear_about_a_device_is_left_open(answered):
    item = {"reg_id": 7, "sender": "905xxxxxxxxx", "platform": None, "created_at": "dün"}
    (device,) = answered(vatan().devices(), envelope(data=[item]))
    assert (device.device, device.number, device.platform, device.created_at) == ("7", None, None, None)


# --- callback -------------------------------------------------------------------------------------------


def test_a_report_has_texts_only_and_becomes_typed():
    assert vatan().read_callback(HEADERS, report()) == DeliveryReport(
        state=State.DELIVERED,
        word="1",
        to=TO,
        report_id=33,
        at=datetime(2024, 5, 20, 14, 49, 55, tzinfo=ISTANBUL),
    )


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("1", "DELIVERED"),
        ("2", "FAILED"),
        (1, "DELIVERED"),
        (2, "FAILED"),
        ("3", "ACCEPTED"),
        ("read", "ACCEPTED"),
    ],
)
def test_a_status_that_the_page_does_not_know_ends_nothing(status, state):
    found = vatan().read_callback(HEADERS, report(status=status))
    assert (found.state, found.word) == (State(state), str(status))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"client-id": ID},
        {"client-secret": SECRET},
        {"client-id": ID, "client-secret": SECRET[:-1]},
        {"client-id": ID, "client-secret": ""},
        {"client-id": SECRET, "client-secret": ID},
        {"client-id": ID, "client-secret": "şifre"},
    ],
)
def test_a_report_without_our_credentials_is_a_strangers(headers):
    with pytest.raises(AuthenticationFailed) as caught:
        vatan().read_callback(headers, report())
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("missing", [{"identity": ""}, {"secret": ""}])
def test_a_connection_without_credentials_lets_nobody_in(missing):
    empty = {"client-id": missing.get("identity", ID), "client-secret": missing.get("secret", SECRET)}
    with pytest.raises(ConfigurationError):
        vatan(**missing).read_callback(empty, report())


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"{}", b"\xff", b"status=1", report(status=...), report(status={})]
)
def test_a_body_that_is_no_report_is_unreadable(body):
    with pytest.raises(UnreadableResponse):
        vatan().read_callback(HEADERS, body)


@pytest.mark.parametrize("value", [..., "", "uuid-1", "-5", "0", "9" * 60, "٣٣", None, ["33"], str(2**53)])
def test_a_report_id_that_cannot_be_ours_is_none(value):
    assert vatan().read_callback(HEADERS, report(callback_data=value)).report_id is None


@pytest.mark.parametrize(
    "value", [..., "", "90xxxxxxxxxx", "0532XXXXXXX", "05321234567", "12", "9" * 30, "٩٠٥٣٢١٢٣٤٥٦٧"]
)
def test_a_number_that_is_none_is_left_open(value):
    assert vatan().read_callback(HEADERS, report(phone=value)).to is None


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-05-20 14:49:55 +0300 +03", datetime(2024, 5, 20, 14, 49, 55, tzinfo=ISTANBUL)),
        ("2024-05-20 14:49:55.123456789 +0300 +03", datetime(2024, 5, 20, 14, 49, 55, tzinfo=ISTANBUL)),
        ("2024-05-20 11:49:55 +0000 UTC", datetime(2024, 5, 20, 11, 49, 55, tzinfo=UTC)),
        ("2024-05-20 14:49:55 +0300 +03 m=+0.0001", datetime(2024, 5, 20, 14, 49, 55, tzinfo=ISTANBUL)),
        ("2024-05-20 14:49:55", None),
        ("2024-13-20 14:49:55 +0300 +03", None),
        ("0001-01-01 00:00:00 +0300 +03", None),
        ("1716205795", None),
        ("", None),
        (..., None),
    ],
)
def test_the_time_is_what_go_prints(text, moment):
    assert vatan().read_callback(HEADERS, report(send_time=text)).at == moment


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(["callback_data", "status", "phone", "content", "send_time"])


@given(
    st.binary()
    | st.dictionaries(names, json_values | st.just("1")).map(lambda value: json.dumps(value).encode())
)
def test_no_callback_breaks_out_of_the_error_tree(body):
    try:
        found = vatan().read_callback(HEADERS, body)
    except UnreadableResponse:
        return
    assert found.at is None or found.at.astimezone(UTC)


# --- credentials ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"identity": ""}, "client id"),
        ({"secret": ""}, "client secret"),
        ({"secret": "şifre"}, "client-secret"),
        ({"identity": "a\nb"}, "client-id"),
    ],
)
def test_credentials_that_are_missing_or_fit_no_header_are_named(fields, named):
    with pytest.raises(ConfigurationError, match=named) as caught:
        next(vatan(**fields).devices())
    assert "şifre" not in str(caught.value)


def test_a_proxys_page_says_no_more_than_its_status():
    exchange = vatan().devices()
    next(exchange)
    with pytest.raises(AuthenticationFailed) as caught:
        exchange.send(httpx.Response(403, text="<html>Forbidden</html>"))
    assert "html" not in str(caught.value)
