"""The control plane: what it shows of messages, and how it refuses words it does not know."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

TURKEYSMS = "/turkeysms/api/v3/gonder/add-content"
BODY = {
    "api_key": "sandbox-turkeysms-key",
    "title": "ULAK",
    "text": "Siparişiniz yola çıktı",
    "sentto": "905321234567",
    "response_type": "json",
}


def send(client: httpx.Client, **changes: object) -> dict:
    return client.post(TURKEYSMS, json=BODY | changes).json()


def test_the_list_has_what_an_inbox_needs(client, inbox):
    send(client)
    (message,) = inbox()

    assert {
        name: message[name] for name in ("vendor", "channel", "to", "sender", "text", "state", "credits")
    } == {
        "vendor": "turkeysms",
        "channel": "sms",
        "to": "+905321234567",
        "sender": "ULAK",
        "text": "Siparişiniz yola çıktı",
        "state": "accepted",
        "credits": 1,
    }
    assert {"id", "subject", "html", "received_at"} <= set(message)


def test_the_list_can_be_narrowed(client, inbox):
    send(client)
    send(client, sentto="905331234567")
    client.post(
        "/basliklisms/v3/messages",
        headers={"authorization": "Bearer sandbox-basliklisms-key"},
        json={"recipients": ["905321234567"], "message": "x", "title": "ULAK"},
    )

    assert [message["id"] for message in inbox()] == ["m1", "m2", "m3"]
    assert [message["id"] for message in inbox(vendor="turkeysms")] == ["m1", "m2"]
    assert [message["id"] for message in inbox(to="+905321234567")] == ["m1", "m3"]
    assert [message["id"] for message in client.get("/_sandbox/messages?to=+905321234567").json()] == [
        "m1",
        "m3",
    ]
    assert [message["id"] for message in inbox(vendor="turkeysms", to="905331234567")] == ["m2"]
    assert [message["id"] for message in inbox(limit="2")] == ["m2", "m3"]


def test_the_detail_shows_segments_timeline_and_exchange(client, hands):
    sent = send(client)
    hands.turn(2)
    detail = client.get("/_sandbox/messages/m1").json()

    assert (detail["encoding"], detail["segments"]) == ("turkish_single", 1)
    assert "ş" in detail["note"]
    assert [step["state"] for step in detail["timeline"]] == ["accepted", "delivered"]
    request, response = detail["exchange"]["request"], detail["exchange"]["response"]
    assert (request["method"], request["path"]) == ("POST", TURKEYSMS)
    assert request["headers"]["content-type"] == "application/json"
    assert json.loads(request["body"]) == BODY | {"api_key": "[redacted]"}
    assert (response["status"], json.loads(response["body"])) == (200, sent)


def test_the_detail_cuts_an_sms_where_the_next_segment_begins(client, inbox):
    send(client, text="a" * 153 + "b" * 151)  # both segments are full: the operator's code needs a third
    client.post(
        "/vatansms/api/whatsapp/v1/messages/send",
        headers={"client-id": "sandbox-client", "client-secret": "sandbox-vatansms-secret"},
        json={"reg_id": "2953401050", "to": "+905321234567", "message": "a" * 500, "send_speed": 1},
    )

    sms, whatsapp = (client.get(f"/_sandbox/messages/{each['id']}").json() for each in inbox())
    assert (sms["segments"], sms["parts"]) == (3, ["a" * 153, "b" * 151, ""])
    assert whatsapp["parts"] is None


@pytest.mark.parametrize(
    ("secrets", "request_"),
    [
        (
            ["sandbox-turkeysms-key"],
            {
                "method": "GET",
                "url": "/turkeysms/api/v3/get/get.php",
                "params": {
                    "api_key": "sandbox-turkeysms-key",
                    "mobile": "905321234567",
                    "title": "ULAK",
                    "text": "x",
                },
            },
        ),
        (
            ["sandbox-bulutfon-token"],
            {
                "method": "POST",
                "url": "/bulutfon/messages",
                "params": {"access_token": "sandbox-bulutfon-token"},
                "data": {"title": "ULAK", "receivers": "905321234567", "content": "x"},
            },
        ),
        (
            ["nk_sandbox", "ulak-sandbox"],
            {
                "method": "POST",
                "url": "/argepanel/api/send",
                "json": {
                    "apiKey": "nk_sandbox",
                    "programKey": "ulak-sandbox",
                    "type": "sms",
                    "phones": ["905321234567"],
                    "message": "x",
                },
            },
        ),
        (
            ["sandbox-basliklisms-key"],
            {
                "method": "POST",
                "url": "/basliklisms/v3/messages",
                "headers": {"authorization": "Bearer sandbox-basliklisms-key"},
                "json": {"recipients": ["905321234567"], "message": "x", "title": "ULAK"},
            },
        ),
        (
            ["sandbox-client", "sandbox-vatansms-secret"],
            {
                "method": "POST",
                "url": "/vatansms/api/whatsapp/v1/messages/send",
                "headers": {"client-id": "sandbox-client", "client-secret": "sandbox-vatansms-secret"},
                "json": {"reg_id": "2953401050", "to": "+905321234567", "message": "x", "send_speed": 1},
            },
        ),
    ],
)
def test_no_credential_is_shown(client, inbox, secrets, request_):
    client.request(**request_)
    shown = client.get(f"/_sandbox/messages/{inbox()[0]['id']}").text

    assert "[redacted]" in shown
    assert not any(secret in shown for secret in secrets)
    assert not any(secret in client.get("/_sandbox/accounts").text for secret in secrets)
    assert not any(secret in client.get("/_sandbox/requests").text for secret in secrets)


def test_a_key_that_json_and_urls_escape_is_not_shown_either(client, account):
    key = 'a"b/ç&d'
    account("turkeysms", api_key=key)
    send(client, api_key=key)
    query = {"api_key": key, "mobile": "905321234567", "title": "ULAK", "text": "x"}
    client.get("/turkeysms/api/v3/get/get.php", params=query)

    for message in ("m1", "m2"):
        exchange = client.get(f"/_sandbox/messages/{message}").json()["exchange"]
        assert "[redacted]" in exchange["request"]["body"] + exchange["request"]["path"]
        assert "&d" not in exchange["request"]["body"]
        assert "%26d" not in exchange["request"]["path"]


def test_a_state_set_by_hand_stays(client, inbox, hands):
    send(client)
    answer = client.post("/_sandbox/messages/m1/state", json={"state": "unreachable"})
    hands.turn(10)

    assert (answer.status_code, answer.json()["state"]) == (200, "unreachable")
    assert inbox()[0]["state"] == "unreachable"
    client.post("/_sandbox/messages/m1/state", json={"state": "delivered"})
    timeline = client.get("/_sandbox/messages/m1").json()["timeline"]
    assert [step["state"] for step in timeline] == ["accepted", "unreachable", "delivered"]


def test_messages_can_be_told_to_stay_where_they_are(client, account, inbox, hands):
    account("turkeysms", deliver_after=None)
    send(client)
    hands.turn(10**9)
    assert inbox()[0]["state"] == "accepted"


def test_reset_puts_everything_back(client, account, fault):
    send(client)
    account("turkeysms", balance=0)
    fault(vendor="turkeysms", mode="http_500")
    client.put("/_sandbox/callbacks", json={"vendor": "vatansms", "url": "http://127.0.0.1:9/x"})
    client.post(
        "/vatansms/api/whatsapp/v1/login/qr",
        headers={"client-id": "sandbox-client", "client-secret": "sandbox-vatansms-secret"},
    )

    assert client.post("/_sandbox/reset").status_code == 204

    assert client.get("/_sandbox/messages").json() == []
    assert client.get("/_sandbox/faults").json() == []
    assert client.get("/_sandbox/requests").json() == {"count": 0, "requests": []}
    assert len(client.get("/_sandbox/devices").json()) == 1
    assert send(client)["sms_id"] == "1000007721"


def test_requests_are_counted_whatever_came_of_them(client):
    send(client)
    send(client, api_key="wrong")
    client.get("/turkeysms/nothing")
    client.get("/bulutfon/me")

    answer = client.get("/_sandbox/requests", params={"vendor": "turkeysms"}).json()
    assert answer["count"] == 3
    assert [(each["operation"], each["status"], each["accepted"]) for each in answer["requests"]] == [
        ("send_sms", 200, 1),
        ("send_sms", 200, 0),
        ("", 404, 0),
    ]
    assert client.get("/_sandbox/requests").json()["count"] == 4
    assert client.get("/_sandbox/requests", params={"operation": "balance"}).json()["count"] == 1


def test_an_account_is_shown_and_changed_in_part(client, account):
    account("bulutfon", balance=7)
    shown = client.get("/_sandbox/accounts").json()

    assert set(shown) == {"turkeysms", "basliklisms", "bulutfon", "argepanel", "vatansms"}
    assert (shown["bulutfon"]["balance"], shown["bulutfon"]["senders"]) == (7, ["ULAK"])
    assert shown["bulutfon"]["title"] == "Bulutfon"
    assert shown["bulutfon"]["states"] == ["scheduled", "accepted", "sent", "delivered", "failed"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "named"),
    [
        ("GET", "/messages?vendor=twilio", None, 422, "turkeysms"),
        ("GET", "/messages?limit=-1", None, 422, "limit"),
        ("GET", "/messages/m9", None, 404, "m9"),
        ("GET", "/requests?vendor=twilio", None, 422, "turkeysms"),
        ("POST", "/messages/m9/state", {"state": "delivered"}, 404, "m9"),
        ("POST", "/messages/m1/state", {"state": "read"}, 422, "unreachable"),
        ("POST", "/messages/m1/state", {}, 422, "state"),
        ("POST", "/messages/m1/state", [], 422, "object"),
        ("PUT", "/accounts/twilio", {}, 422, "turkeysms"),
        ("PUT", "/accounts/turkeysms", {"credit": 5}, 422, "international_balance"),
        ("PUT", "/accounts/turkeysms", {"balance": -1}, 422, "balance"),
        ("PUT", "/accounts/turkeysms", {"final_state": "lost"}, 422, "delivered"),
        ("PUT", "/callbacks", {"vendor": "turkeysms", "url": "http://127.0.0.1/"}, 422, "vatansms"),
        ("PUT", "/callbacks", {"vendor": "twilio", "url": "http://127.0.0.1/"}, 422, "vatansms"),
        ("PUT", "/callbacks", {"vendor": "vatansms", "url": "ftp://127.0.0.1/"}, 422, "http"),
        ("PUT", "/callbacks", {"vendor": "vatansms", "url": "http://example.com/"}, 422, "this machine"),
        ("PUT", "/callbacks", {"vendor": "vatansms", "url": 5}, 422, "url"),
        ("PUT", "/callbacks", {"vendor": "vatansms", "headers": {"a": 1}}, 422, "strings"),
        ("PUT", "/callbacks", {"vendor": "vatansms", "secret": "x"}, 422, "secret"),
        ("POST", "/whatsapp/1/scan", {"number": 5}, 422, "number"),
    ],
)
def test_a_word_it_does_not_know_is_refused_with_a_sentence(client, method, path, body, status, named):
    send(client)
    answer = client.request(method, f"/_sandbox{path}", json=body)

    assert answer.status_code == status
    assert named in answer.json()["error"]


def test_a_body_that_is_no_json_is_refused(client):
    assert client.put("/_sandbox/faults", content=b"{").status_code == 422


def test_every_change_is_an_event(client, sandbox, hands, eventually):
    def listen(count: int) -> list[dict]:
        heard: list[dict] = []
        with (
            httpx.Client(base_url=sandbox.url, trust_env=False, timeout=10) as listener,
            listener.stream("GET", "/_sandbox/events") as stream,
        ):
            assert stream.headers["content-type"].startswith("text/event-stream")
            name = ""
            for line in stream.iter_lines():
                if line.startswith("event: "):
                    name = line
                elif line.startswith("data: "):
                    assert name == "event: changed"
                    heard.append(json.loads(line.removeprefix("data: ")))
                    if len(heard) == count:
                        return heard
        return heard

    with ThreadPoolExecutor(1) as pool:
        heard = pool.submit(listen, 6)
        eventually(lambda: sandbox.app.changes._listeners)
        send(client)
        hands.turn(2)
        eventually(lambda: not sandbox.store._ahead)
        client.put("/_sandbox/accounts/turkeysms", json={"balance": 3})
        client.put("/_sandbox/faults", json={"vendor": "turkeysms", "mode": "http_429"})
        client.post(TURKEYSMS, json=BODY)
        client.post("/_sandbox/reset")

        assert heard.result(10) == [
            {"kind": "message", "vendor": "turkeysms", "id": "m1", "state": "accepted"},
            {"kind": "state", "vendor": "turkeysms", "id": "m1", "state": "delivered"},
            {"kind": "account", "vendor": "turkeysms"},
            {"kind": "faults"},  # set
            {"kind": "faults"},  # hit, and no message was taken
            {"kind": "reset"},
        ]
    eventually(lambda: not sandbox.app.changes._listeners)
