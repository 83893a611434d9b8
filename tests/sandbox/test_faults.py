"""Every fault on a real socket: what the client meets, and whether the vendor took the message."""

from __future__ import annotations

import json
import socket
from contextlib import closing
from urllib.parse import urlsplit

import httpx
import pytest

PATH = "/turkeysms/api/v3/gonder/add-content"
BODY = {
    "api_key": "sandbox-turkeysms-key",
    "title": "ULAK",
    "text": "Merhaba",
    "sentto": "905321234567",
    "response_type": "json",
}


def connect(sandbox) -> socket.socket:
    parts = urlsplit(sandbox.url)
    return socket.create_connection((parts.hostname, parts.port), timeout=5)


def request() -> bytes:
    body = json.dumps(BODY).encode()
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def receive_all(connection: socket.socket) -> bytes:
    """Read until the server closes (FIN); a reset (RST) is an error."""
    chunks = []
    while chunk := connection.recv(65536):
        chunks.append(chunk)
    return b"".join(chunks)


def exchange(sandbox) -> bytes:
    with closing(connect(sandbox)) as connection:
        connection.sendall(request())
        return receive_all(connection)


def send(client: httpx.Client) -> httpx.Response:
    return client.post(PATH, json=BODY)


def the_only_request(client: httpx.Client) -> dict:
    answer = client.get("/_sandbox/requests", params={"vendor": "turkeysms"}).json()
    assert answer["count"] == 1
    return answer["requests"][0]


def test_drop_before_read(client, sandbox, fault, inbox):
    fault(vendor="turkeysms", mode="drop_before_read")
    with closing(connect(sandbox)) as connection:
        connection.sendall(request().partition(b"{")[0])  # only the head: the body is not waited for
        assert connection.recv(1) == b""

    assert inbox() == []
    assert (the_only_request(client)["fault"], the_only_request(client)["status"]) == (
        "drop_before_read",
        None,
    )


def test_accept_then_drop_ends_in_fin(client, sandbox, fault, inbox):
    fault(vendor="turkeysms", mode="accept_then_drop")

    assert exchange(sandbox) == b""
    assert len(inbox()) == 1
    assert the_only_request(client)["accepted"] == 1
    exchange_ = client.get(f"/_sandbox/messages/{inbox()[0]['id']}").json()["exchange"]
    assert (exchange_["response"], exchange_["fault"]) == (None, "accept_then_drop")


def test_accept_then_reset_ends_in_rst(sandbox, fault, inbox):
    fault(vendor="turkeysms", mode="accept_then_reset")

    with pytest.raises(ConnectionResetError):
        exchange(sandbox)
    assert len(inbox()) == 1


def test_accept_then_hang_is_silence(client, sandbox, fault, inbox, eventually):
    fault(vendor="turkeysms", mode="accept_then_hang")
    with closing(connect(sandbox)) as connection:
        connection.sendall(request())
        eventually(inbox)
        connection.settimeout(0.05)
        with pytest.raises(TimeoutError):
            connection.recv(1)

    assert the_only_request(client)["status"] is None


def test_a_hang_can_end_after_a_while(sandbox, fault, inbox):
    fault(vendor="turkeysms", mode="accept_then_hang", seconds=0.05)

    assert exchange(sandbox) == b""
    assert len(inbox()) == 1


@pytest.mark.parametrize("mode", ["http_500", "http_502"])
@pytest.mark.parametrize("accept", [False, True])
def test_a_server_error_may_come_before_or_after_the_message_was_taken(client, fault, inbox, mode, accept):
    fault(vendor="turkeysms", mode=mode, accept=accept)

    assert send(client).status_code == int(mode[-3:])
    assert len(inbox()) == int(accept)


@pytest.mark.parametrize("retry_after", [None, 7, "Fri, 31 Dec 2027 23:59:59 GMT"])
def test_too_many_requests_with_and_without_retry_after(client, fault, inbox, retry_after):
    fault(vendor="turkeysms", mode="http_429", retry_after=retry_after)

    answer = send(client)
    assert answer.status_code == 429
    assert answer.headers.get("retry-after") == (None if retry_after is None else str(retry_after))
    assert inbox() == []


def test_malformed_json_has_a_length_that_fits(client, fault, inbox):
    fault(vendor="turkeysms", mode="malformed_json")

    answer = send(client)
    assert (answer.status_code, answer.text.startswith('{"result":true,')) == (200, True)
    with pytest.raises(ValueError, match=r"delimiter|Unterminated|Expecting"):
        answer.json()
    assert len(inbox()) == 1


def test_html_page(client, fault, inbox):
    fault(vendor="turkeysms", mode="html_page")

    answer = send(client)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=UTF-8")
    assert "<html>" in answer.text
    assert len(inbox()) == 1


def test_print_r_of_a_vendor_that_speaks_json(client, fault, inbox):
    fault(vendor="bulutfon", mode="print_r")
    form = {"title": "ULAK", "receivers": "905321234567", "content": "Merhaba"}
    answer = client.post("/bulutfon/messages", params={"access_token": "sandbox-bulutfon-token"}, data=form)

    assert answer.text.startswith("Array\n(\n    [message] => Array\n        (\n            [id] => 1\n")
    assert len(inbox()) == 1


def test_wrong_types_keep_the_names(client, fault, inbox):
    right = send(client).json()
    fault(vendor="turkeysms", mode="wrong_types")

    wrong = send(client).json()
    assert list(wrong) == list(right)
    assert all(type(wrong[name]) is not type(right[name]) for name in right)
    assert len(inbox()) == 2


def test_truncated_body_promises_more_than_it_sends(sandbox, fault, inbox):
    fault(vendor="turkeysms", mode="truncated_body")
    head, _, body = exchange(sandbox).partition(b"\r\n\r\n")

    (length,) = [
        int(line.split(b":")[1]) for line in head.splitlines() if line.lower().startswith(b"content-length")
    ]
    assert json.loads(body)["result_code"] == "TS-1024"
    assert length > len(body)
    assert len(inbox()) == 1


def test_drip_sends_the_headers_too_byte_by_byte(sandbox, fault, inbox):
    fault(vendor="turkeysms", mode="drip", seconds=0.001)
    with closing(connect(sandbox)) as connection:
        connection.sendall(request())
        first = connection.recv(65536)
        assert len(first) < len("HTTP/1.1 200 OK")
        answer = first + receive_all(connection)

    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert json.loads(body)["result_code"] == "TS-1024"
    assert len(inbox()) == 1


def test_slow_takes_the_message_at_once_and_answers_late(client, sandbox, fault, inbox, eventually):
    fault(vendor="turkeysms", mode="slow", seconds=0.3)
    with closing(connect(sandbox)) as connection:
        connection.sendall(request())
        eventually(inbox)
        connection.settimeout(0.02)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        connection.settimeout(5)
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize("mode", ["accept_then_drop", "accept_then_reset", "drop_before_read"])
def test_a_kept_alive_connection_breaks_as_well(sandbox, fault, inbox, mode):
    with closing(connect(sandbox)) as connection:
        connection.sendall(request())
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
        fault(vendor="turkeysms", mode=mode)
        connection.sendall(request())
        try:
            assert receive_all(connection).endswith(b'"country":"Turkey-TR"}') or mode != "accept_then_reset"
        except ConnectionResetError:
            assert mode != "accept_then_drop"

    assert len(inbox()) == (1 if mode == "drop_before_read" else 2)


def test_a_fault_hits_so_many_times(client, fault):
    fault(vendor="turkeysms", mode="http_500", times=2)

    assert [send(client).status_code for _ in range(3)] == [500, 500, 200]
    (shown,) = client.get("/_sandbox/faults").json()
    assert (shown["mode"], shown["times"], shown["hits"]) == ("http_500", 2, 2)


def test_chance_falls_the_same_way_with_the_same_seed(client, fault):
    def rounds() -> list[int]:
        fault(vendor="turkeysms", mode="http_500", probability=0.5, seed=1)
        return [send(client).status_code for _ in range(20)]

    first = rounds()
    assert set(first) == {200, 500}
    assert rounds() == first


def test_a_fault_for_one_operation_leaves_the_others_alone_and_goes_before_one_for_all(client, fault):
    fault(vendor="turkeysms", operation="*", mode="http_502")
    fault(vendor="turkeysms", operation="send_sms", mode="http_500")

    assert send(client).status_code == 500
    assert client.post("/turkeysms/api/v3/bakiye_sorgulama/add-content").status_code == 502
    assert client.get("/bulutfon/me").status_code == 401
    fault(vendor="turkeysms", operation="send_sms", mode="http_429")
    assert send(client).status_code == 429


def test_arges_two_operations_are_told_apart_by_the_body(client, fault, inbox):
    keys = {"apiKey": "nk_sandbox", "programKey": "ulak-sandbox"}
    sms = keys | {"type": "sms", "phones": ["905321234567"], "message": "x"}
    mail = keys | {"type": "email", "emails": ["a@ornek.com"], "subject": "x", "message": "x"}
    fault(vendor="argepanel", operation="send_email", mode="drop_before_read")

    assert client.post("/argepanel/api/send", json=sms).status_code == 200
    with pytest.raises(httpx.RemoteProtocolError):
        client.post("/argepanel/api/send", json=mail)
    assert [message["channel"] for message in inbox()] == ["sms"]
    count = client.get("/_sandbox/requests", params={"vendor": "argepanel", "operation": "send_email"}).json()
    assert count["count"] == 1


def test_a_list_sets_all_faults_in_their_order(client):
    faults = [
        {"vendor": "*", "mode": "http_500", "times": 1},
        {"vendor": "turkeysms", "mode": "http_502", "times": 1},
    ]
    assert client.put("/_sandbox/faults", json=faults).status_code == 200

    assert [send(client).status_code for _ in range(3)] == [500, 502, 200]
    assert client.put("/_sandbox/faults", json=faults).status_code == 200
    assert client.delete("/_sandbox/faults").status_code == 204
    assert send(client).status_code == 200


def test_a_bad_key_is_refused_under_a_fault_too(client, fault, inbox):
    fault(vendor="turkeysms", mode="slow", seconds=0)
    answer = client.post(PATH, json=BODY | {"api_key": "wrong"})

    assert answer.json()["result_code"] == "TS-1031"
    assert inbox() == []


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"vendor": "twilio", "mode": "slow"}, "turkeysms"),
        ({"vendor": "turkeysms", "mode": "explode"}, "accept_then_reset"),
        ({"vendor": "turkeysms", "operation": "send_fax", "mode": "slow"}, "send_otp"),
        ({"vendor": "argepanel", "operation": "balance", "mode": "slow"}, "send_email"),
        ({"vendor": "turkeysms", "mode": "slow", "times": 0}, "times"),
        ({"vendor": "turkeysms", "mode": "slow", "probability": 2}, "probability"),
        ({"vendor": "turkeysms", "mode": "slow", "speed": 2}, "speed"),
        ({"mode": "slow"}, "vendor"),
        ("slow", "object"),
    ],
)
def test_a_wrong_fault_is_refused_with_the_choices(client, wrong, named):
    answer = client.put("/_sandbox/faults", json=wrong)

    assert answer.status_code == 422
    assert named in answer.json()["error"]
    assert client.get("/_sandbox/faults").json() == []
