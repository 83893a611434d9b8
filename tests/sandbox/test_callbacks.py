"""The vendors' calls back, received by a real HTTP server."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

import httpx
import pytest

VATANSMS = {"client-id": "sandbox-client", "client-secret": "sandbox-vatansms-secret"}
BASLIKLISMS = {"authorization": "Bearer sandbox-basliklisms-key"}


class Received(NamedTuple):
    path: str
    headers: dict[str, str]
    body: dict[str, object]


class Receiver(ThreadingHTTPServer):
    def __init__(self) -> None:
        self.received: queue.Queue[Received] = queue.Queue()
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.received.put(Received(self.path, headers, json.loads(body)))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def call_back(client: httpx.Client, vendor: str, url: str | None, **headers: str) -> None:
    answer = client.put("/_sandbox/callbacks", json={"vendor": vendor, "url": url, "headers": headers})
    assert answer.status_code == 204, answer.text


def whatsapp(client: httpx.Client, **changes: object) -> None:
    body = {
        "reg_id": "2953401050",
        "to": "+905321234567",
        "message": "Merhaba",
        "send_speed": 1,
        "report_id": 33,
    }
    answer = client.post("/vatansms/api/whatsapp/v1/messages/send", headers=VATANSMS, json=body | changes)
    assert answer.status_code == 200


def test_vatansms_reports_in_strings_and_with_gos_time(client, receiver, hands):
    call_back(client, "vatansms", f"{receiver.url}/reports?token=abc", **{"X-Own": "1"})
    hands.now = 1_767_225_600.0
    whatsapp(client)
    hands.turn(2)

    path, headers, body = receiver.received.get(timeout=10)
    assert path == "/reports?token=abc"
    assert headers["content-type"] == "application/json"
    assert {name: headers[name] for name in ("client-id", "client-secret", "x-own")} == VATANSMS | {
        "x-own": "1"
    }
    assert body == {
        "callback_data": "33",
        "status": "1",
        "phone": "905321234567",
        "content": "Merhaba",
        "send_time": "2026-01-01 03:00:02 +0300 +03",
    }


def test_vatansms_reports_a_failure_as_two(client, receiver, account, hands):
    account("vatansms", final_state="failed")
    call_back(client, "vatansms", receiver.url)
    whatsapp(client, report_id=None)
    hands.turn(2)

    body = receiver.received.get(timeout=10).body
    assert (body["status"], body["callback_data"]) == ("2", "")


def test_basliklisms_masks_the_number_and_has_no_credentials(client, receiver, hands):
    call_back(client, "basliklisms", f"{receiver.url}/hook")
    hands.now = 1_767_225_600.0
    body = {"recipients": ["905321234567", "905331234567"], "message": "x", "title": "ULAK"}
    client.post("/basliklisms/v3/messages", headers=BASLIKLISMS, json=body)
    hands.turn(2)

    events = [receiver.received.get(timeout=10) for _ in range(2)]
    assert {event.body["recipient"] for event in events} == {"0532XXXXXXX", "0533XXXXXXX"}
    assert events[0].body | {"recipient": ""} == {
        "event": "message.delivered",
        "message_id": "msg_4829",
        "recipient": "",
        "status": "DELIVERED",
        "timestamp": "2026-01-01T00:00:02Z",
    }
    assert "authorization" not in events[0].headers


def test_a_final_state_set_by_hand_is_reported_at_once_and_only_once(
    client, receiver, hands, eventually, inbox
):
    call_back(client, "vatansms", receiver.url)
    whatsapp(client)
    client.post("/_sandbox/messages/m1/state", json={"state": "failed"})

    assert receiver.received.get(timeout=10).body["status"] == "2"
    hands.turn(10)
    whatsapp(client, message="second")
    hands.turn(2)
    assert receiver.received.get(timeout=10).body["content"] == "second"
    assert receiver.received.empty()


def test_what_came_of_a_callback_is_shown(client, receiver, hands, eventually):
    call_back(client, "vatansms", receiver.url)
    whatsapp(client)
    hands.turn(2)

    def outcomes() -> list[str]:
        return [each["outcome"] for each in client.get("/_sandbox/messages/m1").json()["callbacks"]]

    assert eventually(outcomes) == ["HTTP 204"]


def test_a_receiver_that_is_not_there_harms_nobody(client, receiver, hands, eventually):
    call_back(client, "vatansms", "http://127.0.0.1:1/gone")
    whatsapp(client)
    hands.turn(2)

    def outcomes() -> list[str]:
        return [each["outcome"] for each in client.get("/_sandbox/messages/m1").json()["callbacks"]]

    assert eventually(outcomes) == ["failed: ConnectionRefusedError"]
    call_back(client, "vatansms", None)
    whatsapp(client)
    call_back(client, "vatansms", receiver.url)
    whatsapp(client, message="third")
    hands.turn(2)
    assert receiver.received.get(timeout=10).body["content"] in {"Merhaba", "third"}
