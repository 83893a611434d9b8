"""Bulutfon on the sandbox: sends, the list with its odd links, details, and the spam rule."""

from __future__ import annotations

import httpx
import pytest

TOKEN = {"access_token": "sandbox-bulutfon-token"}
GOOD = {"title": "ULAK", "receivers": "905321234567", "content": "Merhaba"}


@pytest.fixture
def send(client: httpx.Client):
    def post(path: str = "/bulutfon/messages.json", **changes: str | None) -> httpx.Response:
        form = {name: value for name, value in (GOOD | changes).items() if value is not None}
        return client.post(path, params=TOKEN, data=form)

    return post


def listed(client: httpx.Client, **query: object) -> dict:
    return client.get("/bulutfon/messages.json", params=TOKEN | query).json()


def test_a_send_to_two_is_one_message_with_two_recipients(send, client, inbox):
    answer = send(receivers="905321234567,905331234567")

    assert answer.status_code == 200
    assert answer.json()["message"]["id"] == 1
    assert [(each["to"], each["credits"]) for each in inbox()] == [("+905321234567", 1), ("+905331234567", 1)]
    assert client.get("/bulutfon/me.json", params=TOKEN).json()["credit"]["sms_credits"] == 999_998


def test_the_detail_tells_the_state_of_each_number_as_the_seed_prints_it(send, client, hands):
    send()
    hands.turn(2)

    assert client.get("/bulutfon/messages/1", params=TOKEN).json() == {
        "message": {
            "id": 1,
            "title": "ULAK",
            "content": "Merhaba",
            "created_at": listed(client)["messages"][0]["created_at"],
            "is_planned_sms": False,
            "send_date": None,
            "recipients": [{"number": 905321234567, "state": "CONFIRMED"}],
        }
    }


@pytest.mark.parametrize(
    ("state", "word"),
    [("accepted", "WAITING"), ("sent", "SENT"), ("delivered", "CONFIRMED"), ("failed", "FAILED")],
)
def test_every_state_has_the_vendors_word(send, client, inbox, state, word):
    send()
    client.post(f"/_sandbox/messages/{inbox()[0]['id']}/state", json={"state": state})

    (recipient,) = client.get("/bulutfon/messages/1.json", params=TOKEN).json()["message"]["recipients"]
    assert recipient["state"] == word


@pytest.mark.parametrize("suffix", ["", ".json"])
def test_every_path_works_with_and_without_json(send, client, inbox, suffix):
    assert send(f"/bulutfon/messages{suffix}").status_code == 200
    for path in ("messages", "messages/1", "me", "message-titles"):
        assert client.get(f"/bulutfon/{path}{suffix}", params=TOKEN).status_code == 200
    assert len(inbox()) == 1


def test_json_is_taken_as_well_as_a_form(client, inbox):
    body = GOOD | {"is_future_sms": False, "reject_link": True}
    assert client.post("/bulutfon/messages", params=TOKEN, json=body).status_code == 200
    (message,) = inbox()
    detail = client.get(f"/_sandbox/messages/{message['id']}").json()
    assert detail["options"]["reject_link"] is True


def test_the_list_is_newest_first_and_its_links_hold_the_token_and_another_limit(send, client, hands):
    for number in range(5):
        send(
            content=f"Merhaba {number}",
            receivers="905321234567,905331234567" if number == 4 else None or GOOD["receivers"],
        )
        hands.turn(1)

    page = listed(client, page=2, limit=2)
    assert [each["id"] for each in page["messages"]] == [3, 2]
    assert page["paginate"] == {
        "total_pages": 3,
        "previous_page": "/messages?access_token=sandbox-bulutfon-token&limit=25&page=1",
        "next_page": "/messages?access_token=sandbox-bulutfon-token&limit=25&page=3",
    }
    newest = listed(client, limit=1)["messages"][0]
    assert newest["recipients"] == "905321234567,905331234567"
    assert newest["sent_as_single_sms"] is False
    assert listed(client, page=3, limit=2)["paginate"]["next_page"] is None
    assert listed(client, page=99)["messages"] == []


def test_moments_are_istanbuls_with_milliseconds(send, client, hands):
    hands.now = 1_767_225_600.25
    send()
    assert listed(client)["messages"][0]["created_at"] == "2026-01-01T03:00:00.250+03:00"


@pytest.mark.parametrize("token", [{}, {"access_token": ""}, {"access_token": "xxx"}])
def test_a_wrong_token_is_refused_everywhere(client, inbox, token):
    answers = [client.post("/bulutfon/messages", params=token, data=GOOD)]
    answers += [client.get(f"/bulutfon/{path}", params=token) for path in ("messages", "messages/1", "me")]

    for answer in answers:
        assert answer.status_code == 401
        assert set(answer.json()) == {"error", "code"}
    assert inbox() == []


@pytest.mark.parametrize(
    "changes",
    [
        {"title": None},
        {"receivers": None},
        {"content": None},
        {"content": "  "},
        {"title": "NOBODY"},
        {"title": "ULAKTEST"},
        {"receivers": "+905321234567"},
        {"receivers": "05321234567"},
        {"receivers": "5321234567"},
        {"receivers": "905321234567, 905331234567"},
        {"receivers": "905321234567,"},
        {"receivers": "4915112345678"},
        {"reject_link": "yes"},
        {"is_future_sms": "true"},
        {"is_future_sms": "true", "send_date": "2026-02-01 10:00"},
        {"is_future_sms": "true", "send_date": "31/12/2025 10:00"},
    ],
)
def test_a_wrong_request_is_refused_with_an_error_and_not_taken(send, inbox, changes):
    answer = send(**changes)

    assert answer.status_code == 422
    assert set(answer.json()) == {"error", "code"}
    assert inbox() == []


def test_credit_runs_out_for_all_recipients_at_once(send, account, inbox):
    account("bulutfon", balance=1)

    assert send(receivers="905321234567,905331234567").status_code == 422
    assert inbox() == []
    assert send().status_code == 200


def test_the_limit_of_a_minute(send, account):
    account("bulutfon", per_minute=1)

    assert [send().status_code for _ in range(2)] == [200, 429]


def test_a_planned_message_waits(send, client, inbox, hands):
    hands.now = 1_767_225_600.0
    answer = send(is_future_sms="true", send_date="01/01/2026 03:05").json()["message"]

    assert (answer["is_planned_sms"], answer["send_date"]) == (True, "2026-01-01T03:05:00.000+03:00")
    hands.turn(299)
    assert inbox()[0]["state"] == "scheduled"
    hands.turn(3)
    assert inbox()[0]["state"] == "delivered"


def test_the_seventh_equal_text_within_an_hour_closes_the_number_for_an_hour(send, inbox, hands):
    assert [send().status_code for _ in range(7)] == [200] * 6 + [422]
    assert send(content="Something else").status_code == 422
    assert send(receivers="905331234567").status_code == 200
    assert len(inbox()) == 7

    hands.turn(3599)
    assert send(content="Something else").status_code == 422
    hands.turn(1)
    assert send(content="Something else").status_code == 200


def test_equal_texts_may_go_on_when_the_first_is_an_hour_old(send, hands):
    send()
    hands.turn(1800)
    for _ in range(5):
        send()
    hands.turn(1800)
    assert send().status_code == 200


def test_the_twenty_first_different_text_is_too_many(send):
    assert [send(content=f"Text {number}").status_code for number in range(21)] == [200] * 20 + [422]


def test_one_number_seven_times_in_one_request_is_too_many_and_a_closed_one_stops_the_rest(send, inbox):
    assert send(receivers=",".join(["905321234567"] * 7)).status_code == 422
    answer = send(receivers="905331234567,905321234567")
    assert answer.status_code == 422
    assert "905321234567" in answer.json()["error"]
    assert "905331234567" not in answer.json()["error"]
    assert inbox() == []


def test_titles_tell_whether_they_are_approved(client):
    titles = client.get("/bulutfon/message-titles.json", params=TOKEN).json()["message_titles"]

    assert titles == [
        {"id": 1, "name": "ULAK", "state": "CONFIRMED"},
        {"id": 2, "name": "ULAKTEST", "state": "DRAFT"},
    ]


@pytest.mark.parametrize("number", ["2", "abc", "9" * 5000, "²"])
def test_an_unknown_message_is_not_found(client, number):
    answer = client.get(f"/bulutfon/messages/{number}.json", params=TOKEN)

    assert (answer.status_code, answer.json()["code"]) == (404, 404)


@pytest.mark.parametrize("query", [{"page": "0"}, {"limit": "x"}, {"page": "9" * 5000}])
def test_a_page_is_a_number(client, query):
    assert client.get("/bulutfon/messages", params=TOKEN | query).status_code == 422


def test_methods_and_paths_are_the_vendors(client):
    assert client.put("/bulutfon/messages", params=TOKEN).status_code == 405
    assert client.post("/bulutfon/messages/1", params=TOKEN).headers["allow"] == "GET"
    assert client.get("/bulutfon/nothing", params=TOKEN).status_code == 404
