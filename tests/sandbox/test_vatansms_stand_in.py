"""VatanSMS on the sandbox: linking a device against the clock, sending over it, and its two `is_connect`."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider.sandbox.multipart import fields_and_files

API = "/vatansms/api/whatsapp/v1"
HEADERS = {"client-id": "sandbox-client", "client-secret": "sandbox-vatansms-secret"}
LINKED = "2953401050"
GOOD = {"reg_id": LINKED, "to": "+905321234567", "message": "Merhaba", "send_speed": 1}


@pytest.fixture
def ask(client: httpx.Client):
    def post(path: str, **body: object) -> httpx.Response:
        answer = client.post(f"{API}{path}", headers=HEADERS, json=body)
        envelope = answer.json()
        assert envelope["code"] == answer.status_code
        assert envelope["status"] == ("success" if answer.status_code == 200 else "error")
        return answer

    return post


def scan(client: httpx.Client, reg_id: str, **whose: str) -> httpx.Response:
    return client.post(f"/_sandbox/whatsapp/{reg_id}/scan", json=whose or None)


def test_a_qr_is_scanned_and_the_device_sends(ask, client, inbox):
    shown = ask("/login/qr").json()["data"]
    assert re.fullmatch(r"2@[A-Za-z0-9+/=]{80}(,[A-Za-z0-9+/=]{44}){3}", shown["qr"])
    assert ask("/messages/send", **GOOD | {"reg_id": shown["regId"]}).status_code == 400

    assert scan(client, shown["regId"], number="+905551112233").json()["state"] == "linked"

    assert ask("/login/check", reg_id=shown["regId"]).json() == {
        "code": 200,
        "status": "success",
        "description": "İşlem başarılı!",
        "data": {"is_connect": True, "message": "device connected"},
    }
    assert ask("/messages/send", **GOOD | {"reg_id": shown["regId"]}).json() == {
        "code": 200,
        "status": "success",
        "description": "Mesajlarınız Gönderildi",
    }
    (message,) = inbox()
    assert (message["channel"], message["sender"], message["to"]) == (
        "whatsapp",
        "+905551112233",
        "+905321234567",
    )


def test_a_code_is_typed_in_on_the_phone_it_was_asked_for(ask, client):
    shown = ask("/login/phone", phone="+905551112233").json()["data"]
    assert re.fullmatch(r"[A-Z0-9]{4}-[A-Z0-9]{4}", shown["code"])
    (_, waiting) = client.get("/_sandbox/devices").json()
    assert (waiting["code"], waiting["state"], waiting["number"]) == (
        shown["code"],
        "waiting",
        "+905551112233",
    )

    scan(client, shown["regId"])

    active = ask("/login/check/active", reg_id=int(shown["regId"])).json()
    assert (active["is_connect"], active["message"]) == (True, "device connected")
    assert active["data"] == {
        "device_number": "905551112233",
        "platform": "android",
        "state": "1",
        "user_name": "Ulak Sandbox",
        "j_id": "905551112233:97@s.whatsapp.net",
    }


@pytest.mark.parametrize("login", ["/login/qr", "/login/phone"])
def test_thirty_seconds_later_a_code_is_worth_nothing(ask, client, hands, login):
    reg_id = ask(login, phone="+905551112233").json()["data"]["regId"]
    hands.turn(29.9)
    assert client.get("/_sandbox/devices").json()[1]["state"] == "waiting"
    hands.turn(0.1)

    answer = scan(client, reg_id)

    assert (answer.status_code, "expired" in answer.json()["error"]) == (409, True)
    assert client.get("/_sandbox/devices").json()[1]["state"] == "expired"
    assert client.get(f"/_sandbox/whatsapp/{reg_id}/qr.svg").status_code == 404
    assert ask("/login/check/active", reg_id=reg_id).status_code == 400


def arrived(client: httpx.Client, operation: str) -> bool:
    return client.get("/_sandbox/requests", params={"operation": operation}).json()["count"] == 1


def test_the_first_check_answers_as_soon_as_the_code_is_scanned(ask, client, eventually):
    reg_id = ask("/login/qr").json()["data"]["regId"]
    with ThreadPoolExecutor(1) as pool:
        check = pool.submit(ask, "/login/check", reg_id=reg_id)
        eventually(lambda: arrived(client, "check_login"))
        assert not check.done()
        scan(client, reg_id)

        assert check.result(5).json()["data"]["is_connect"] is True


def test_the_first_check_says_400_after_thirty_seconds(ask, client, hands, eventually):
    reg_id = ask("/login/qr").json()["data"]["regId"]
    with ThreadPoolExecutor(1) as pool:
        check = pool.submit(ask, "/login/check", reg_id=reg_id)
        eventually(lambda: arrived(client, "check_login"))
        hands.turn(29.9)
        assert not check.done()
        hands.turn(0.1)

        assert check.result(5).status_code == 400


def test_a_check_of_a_device_that_is_not_linked_says_so_beside_data(ask):
    reg_id = ask("/login/qr").json()["data"]["regId"]
    answer = ask("/login/check/active", reg_id=reg_id)

    assert (answer.status_code, answer.json()["is_connect"], "data" in answer.json()) == (400, False, False)


def test_devices_are_those_that_are_linked_until_they_log_out(ask, client):
    ask("/login/qr")
    (device,) = client.get(f"{API}/devices", headers=HEADERS).json()["data"]
    assert set(device) == {"reg_id", "sender", "platform", "user_name", "profile_picture", "created_at"}
    assert (device["reg_id"], device["sender"]) == (LINKED, "905550000000")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", device["created_at"])
    assert ask("/profile-picture", reg_id=LINKED).json()["data"] == {"image": "https://pps.whatsapp.net/v/"}

    assert ask("/logout", reg_id=LINKED).json()["description"] == "Cihazdan çıkış yapıldı"

    assert client.get(f"{API}/devices", headers=HEADERS).json()["data"] == []
    assert ask("/logout", reg_id=LINKED).status_code == 400
    assert ask("/messages/send", **GOOD).status_code == 400
    assert scan(client, LINKED).status_code == 409


def test_one_text_for_many_and_many_texts(ask, inbox):
    to = "+905321234567, +905331234567"
    each = [{"to": "+905321234567", "message": "bir"}, {"to": "+905331234567", "message": "iki"}]
    assert ask("/messages/send/oneToN", **GOOD | {"to": to}).status_code == 200
    assert ask("/messages/send/nToN", reg_id=LINKED, n_to_n=each, send_speed=4).status_code == 200

    assert [(message["to"], message["text"]) for message in inbox()] == [
        ("+905321234567", "Merhaba"),
        ("+905331234567", "Merhaba"),
        ("+905321234567", "bir"),
        ("+905331234567", "iki"),
    ]


@pytest.mark.parametrize("kind", ["pdf", "doc", "docx", "ppt", "pptx", "xls", "xlsx", "jpeg", "jpg", "PNG"])
def test_a_file_of_a_kind_that_is_accepted(client, inbox, kind):
    form = {name: str(value) for name, value in (GOOD | {"report_id": 7}).items()}
    name, content = f"sözleşme.{kind}", b"%PDF\r\n\r\n--x\x00\xff\r\n"
    answer = client.post(
        f"{API}/messages/send",
        headers=HEADERS,
        data=form,
        files={"attachment": (name, content, "application/x")},
    )

    assert answer.status_code == 200
    detail = client.get(f"/_sandbox/messages/{inbox()[0]['id']}").json()
    assert (detail["attachment"]["name"], detail["attachment"]["size"]) == (name, len(content))
    assert detail["options"]["report_id"] == "7"


def test_many_texts_with_a_file_travel_as_json_inside_a_form(client, inbox):
    pairs = json.dumps([{"to": "+905321234567", "message": "şu"}], ensure_ascii=False)
    form = {"reg_id": LINKED, "send_speed": "1", "n_to_n": pairs}
    answer = client.post(
        f"{API}/messages/send/nToN", headers=HEADERS, data=form, files={"attachment": ("a.pdf", b"x")}
    )
    assert (answer.status_code, inbox()[0]["text"]) == (200, "şu")


@pytest.mark.parametrize(
    "files",
    [
        {"attachment": ("virus.exe", b"x")},
        {"attachment": ("pdf", b"x")},
        {"attachment": ("empty.pdf", b"")},
        {"file": ("a.pdf", b"x")},
    ],
)
def test_another_file_is_refused(client, inbox, files):
    form = {name: str(value) for name, value in GOOD.items()}
    assert client.post(f"{API}/messages/send", headers=HEADERS, data=form, files=files).status_code == 400
    assert inbox() == []


@pytest.mark.parametrize(
    ("path", "changes"),
    [
        ("/messages/send", {"reg_id": None}),
        ("/messages/send", {"reg_id": True}),
        ("/messages/send", {"to": None}),
        ("/messages/send", {"to": "905321234567"}),
        ("/messages/send", {"to": "05321234567"}),
        ("/messages/send", {"to": "+90 532 123 45 67"}),
        ("/messages/send", {"to": "+905321234567,+905331234567"}),
        ("/messages/send", {"message": None}),
        ("/messages/send", {"message": " "}),
        ("/messages/send", {"send_speed": None}),
        ("/messages/send", {"send_speed": 5}),
        ("/messages/send", {"report_id": "0c9a"}),
        ("/messages/send/oneToN", {"to": "+905321234567;+905331234567"}),
        ("/messages/send/oneToN", {"to": "+905321234567,"}),
        ("/messages/send/nToN", {}),
        ("/messages/send/nToN", {"n_to_n": []}),
        ("/messages/send/nToN", {"n_to_n": "not json"}),
        ("/messages/send/nToN", {"n_to_n": [{"to": "905321234567", "message": "x"}]}),
        ("/messages/send/nToN", {"n_to_n": [{"to": "+905321234567"}]}),
        ("/login/phone", {"phone": "905321234567"}),
        ("/login/phone", {}),
    ],
)
def test_a_wrong_request_is_refused_and_not_taken(ask, inbox, path, changes):
    body = {name: value for name, value in (GOOD | changes).items() if value is not None}

    assert ask(path, **body).status_code == 400
    assert inbox() == []


@pytest.mark.parametrize(
    "path", ["/messages/send", "/login/check", "/login/check/active", "/profile-picture", "/logout"]
)
def test_an_unknown_device_is_not_found(ask, path):
    assert ask(path, **GOOD | {"reg_id": "1"}).status_code == 404


@pytest.mark.parametrize("headers", [{}, {"client-id": "sandbox-client"}, HEADERS | {"client-secret": "x"}])
def test_wrong_credentials_are_refused_everywhere(client, inbox, headers):
    paths = ["/login/phone", "/login/qr", "/login/check", "/login/check/active", "/messages/send"]
    paths += ["/messages/send/oneToN", "/messages/send/nToN", "/profile-picture", "/logout"]
    for path in paths:
        assert client.post(f"{API}{path}", headers=headers, json=GOOD).status_code == 401
    assert client.get(f"{API}/devices", headers=headers).status_code == 401
    assert inbox() == []


def test_the_qr_is_a_picture(ask, client):
    reg_id = ask("/login/qr").json()["data"]["regId"]
    picture = client.get(f"/_sandbox/whatsapp/{reg_id}/qr.svg")

    assert picture.headers["content-type"] == "image/svg+xml"
    assert picture.content.startswith(b"<?xml")
    assert client.get("/_sandbox/whatsapp/1/qr.svg").status_code == 404
    assert scan(client, "1").status_code == 404


@given(content=st.binary(max_size=200), name=st.text("abcşğı.-", min_size=1, max_size=20))
@settings(max_examples=60, deadline=None)
def test_any_file_comes_out_of_a_form_as_it_went_in(content, name):
    request = httpx.Request("POST", "http://x", data={"a": "ş"}, files={"attachment": (name, content)})
    fields, files = fields_and_files(request.headers["content-type"], request.read())

    assert fields == {"a": "ş"}
    assert (files["attachment"].name, files["attachment"].content) == (name, content)
