"""BaslikliSMS on the sandbox: the page's header and status codes over the assumed contract."""

from __future__ import annotations

import httpx
import pytest

BEARER = {"Authorization": "Bearer sandbox-basliklisms-key"}
GOOD = {"recipients": ["905321234567"], "message": "Merhaba", "title": "ULAK"}


@pytest.fixture
def send(client: httpx.Client):
    def post(**changes: object) -> httpx.Response:
        body = {name: value for name, value in (GOOD | changes).items() if value is not None}
        return client.post("/basliklisms/v3/messages", json=body, headers=BEARER)

    return post


def test_a_send_to_many_has_one_id(send, client, inbox):
    answer = send(recipients=["905321234567", "05331234567"])

    assert (answer.status_code, answer.json()) == (200, {"message_id": "msg_4829", "credits": 2})
    assert [message["to"] for message in inbox()] == ["+905321234567", "+905331234567"]
    assert client.get("/basliklisms/v3/balance", headers=BEARER).json() == {"balance": 999_998}


def test_the_status_follows_the_message(send, client, inbox, hands):
    send(recipients=["905321234567", "905331234567"])

    def status() -> str:
        return client.get("/basliklisms/v3/messages/msg_4829", headers=BEARER).json()["status"]

    assert status() == "QUEUED"
    client.post(f"/_sandbox/messages/{inbox()[0]['id']}/state", json={"state": "failed"})
    assert status() == "SENT"  # the two differ
    hands.turn(2)
    client.post(f"/_sandbox/messages/{inbox()[0]['id']}/state", json={"state": "delivered"})
    assert status() == "DELIVERED"


@pytest.mark.parametrize(
    "changes",
    [
        {"recipients": None},
        {"recipients": []},
        {"recipients": "905321234567"},
        {"recipients": ["+905321234567"]},
        {"recipients": ["0532XXXXXXX"]},
        {"recipients": [905321234567]},
        {"message": None},
        {"message": " "},
        {"title": None},
    ],
)
def test_missing_or_wrong_parameters_are_a_400(send, inbox, changes):
    answer = send(**changes)

    assert (answer.status_code, list(answer.json())) == (400, ["error"])
    assert inbox() == []


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer x"}, {"Authorization": "Basic " + "x" * 20}]
)
def test_a_missing_or_wrong_key_is_a_401(client, headers):
    for answer in (
        client.post("/basliklisms/v3/messages", json=GOOD, headers=headers),
        client.get("/basliklisms/v3/balance", headers=headers),
        client.get("/basliklisms/v3/messages/msg_1", headers=headers),
    ):
        assert answer.status_code == 401


@pytest.mark.parametrize("settings", [{"allowed_ips": ["192.0.2.1"]}, {"active": False}])
def test_an_address_or_a_right_that_is_missing_is_a_403(send, account, settings):
    account("basliklisms", **settings)
    assert send().status_code == 403


def test_ones_own_address_may_be_allowed(send, account):
    account("basliklisms", allowed_ips=["127.0.0.1"])
    assert send().status_code == 200


def test_balance_and_title_are_one_422_that_does_not_tell_which(send, account, inbox):
    by_title = send(title="NOBODY")
    account("basliklisms", balance=0)
    by_balance = send()

    assert (by_title.status_code, by_balance.status_code) == (422, 422)
    assert by_title.json() == by_balance.json()
    assert inbox() == []


def test_the_limit_is_a_429(send, account):
    account("basliklisms", per_minute=1)
    assert [send().status_code for _ in range(2)] == [200, 429]


def test_an_unknown_message_is_not_found(client):
    assert client.get("/basliklisms/v3/messages/msg_1", headers=BEARER).status_code == 404
    assert client.delete("/basliklisms/v3/messages/msg_1", headers=BEARER).status_code == 405
