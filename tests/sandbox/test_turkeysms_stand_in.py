"""TurkeySMS on the sandbox: what it takes, what it refuses with which code, and how it words both."""

from __future__ import annotations

import re

import httpx
import pytest

API = "/turkeysms/api/v3"
KEY = "sandbox-turkeysms-key"
GOOD = {
    "api_key": KEY,
    "title": "ULAK",
    "text": "Siparişiniz yola çıktı",
    "sentto": "905321234567",
    "report": 1,
    "sms_lang": 1,
    "response_type": "json",
    "content_type": 0,
}


@pytest.fixture
def send(client: httpx.Client):
    def post(**changes: object) -> dict:
        body = {name: value for name, value in (GOOD | changes).items() if value is not None}
        answer = client.post(f"{API}/gonder/add-content", json=body)
        assert answer.status_code == 200  # also when the vendor says no
        return answer.json()

    return post


def ask(client: httpx.Client, path: str, **body: object) -> dict:
    return client.post(f"{API}/{path}", json={"api_key": KEY, "response_type": "json", **body}).json()


def test_an_sms_is_taken_charged_and_answered_like_the_seeds_sample(send, client, inbox):
    answer = send()

    assert list(answer) == [
        "result",
        "sms_id",
        "total_has_sent_last_1_min",
        "number_of_sms",
        "result_code",
        "result_message",
        "sms_lang",
        "content_type",
        "country",
    ]
    assert answer == {
        "result": True,
        "sms_id": "1000007721",
        "total_has_sent_last_1_min": 1,
        "number_of_sms": "1",
        "result_code": "TS-1024",
        "result_message": "The message was sent successfully",
        "sms_lang": "Turkish",
        "content_type": "Transactional",
        "country": "Turkey-TR",
    }
    (message,) = inbox()
    assert (message["to"], message["sender"], message["text"]) == ("+905321234567", "ULAK", GOOD["text"])
    assert (message["credits"], message["message_id"], message["state"]) == (1, "1000007721", "accepted")
    assert ask(client, "bakiye_sorgulama/add-content")["local_balance_sms"] == "999999"


def test_a_long_text_costs_a_credit_for_every_segment(send, client, inbox):
    answer = send(text="ş" * 300)  # 2 septets each, 149 characters a part less the operator's suffix

    segments = int(answer["number_of_sms"])
    assert segments > 2
    assert inbox()[0]["credits"] == segments
    assert ask(client, "bakiye_sorgulama/add-content")["local_balance_sms"] == str(1_000_000 - segments)


def test_without_response_type_the_answer_is_print_r_text(client):
    body = {name: GOOD[name] for name in ("api_key", "title", "text", "sentto")}
    answer = client.post(f"{API}/gonder/add-content", json=body)

    assert answer.headers["content-type"] == "text/html; charset=UTF-8"
    assert answer.text.startswith("Array\n(\n    [result] => true\n    [sms_id] => 1000007721\n")
    assert "    [sms_lang] => Arabic\n" in answer.text
    assert answer.text.endswith("    [country] => Turkey-TR\n)\n")


@pytest.mark.parametrize("report", [0, 2, "0"])
def test_without_a_report_there_is_no_id(send, inbox, report):
    assert set(send(report=report)) == {"result", "result_code", "result_message"}
    assert len(inbox()) == 1


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("TS-1050", {"api_key": None}),
        ("TS-1050", {"api_key": ""}),
        ("TS-1031", {"api_key": "wrong"}),
        ("TS-1051", {"title": None}),
        ("TS-1029", {"title": "NOBODY"}),
        ("TS-1029", {"title": "ulak"}),
        ("TS-1028", {"title": "ULAKTEST"}),
        ("TS-1025", {"sentto": None}),
        ("TS-1025", {"sentto": ""}),
        ("TS-1034", {"sentto": "+905321234567"}),
        ("TS-1034", {"sentto": "05321234567"}),
        ("TS-1034", {"sentto": "5321234567"}),
        ("TS-1034", {"sentto": "902121234567"}),
        ("TS-1034", {"sentto": "90532123456"}),
        ("TS-1034", {"sentto": "9053212345678"}),
        ("TS-1034", {"sentto": "905321234567,905321234568"}),
        ("TS-1034", {"sentto": "90532 123 45 67"}),
        ("TS-1034", {"sentto": "٩٠٥٣٢١٢٣٤٥٦٧"}),
        ("TS-1034", {"sentto": "49151"}),
        ("TS-1034", {"sentto": "99915123456789"}),
        ("TS-1026", {"text": None}),
        ("TS-1026", {"text": " \n"}),
        ("TS-1033", {"text": ["a"]}),
        ("TS-1033", {"sentto": True}),
        ("TS-1033", {"sms_lang": 3}),
        ("TS-1033", {"content_type": "promo"}),
        ("TS-1070", {"scheduled_sms": 1}),
        ("TS-1070", {"scheduled_sms": 1, "scheduled_date": "01/02/2026", "scheduled_time": "10:00"}),
        ("TS-1071", {"scheduled_sms": 1, "scheduled_date": "2026-02-01"}),
        ("TS-1071", {"scheduled_sms": 1, "scheduled_date": "2026-02-01", "scheduled_time": "25:00"}),
        ("TS-1072", {"scheduled_sms": 1, "scheduled_date": "2025-12-31", "scheduled_time": "10:00"}),
    ],
)
def test_a_wrong_request_gets_the_code_of_the_seeds_table_and_is_not_taken(send, inbox, code, changes):
    answer = send(**changes)

    assert answer["result"] is False
    assert answer["result_code"] == code
    assert set(answer) == {"result", "result_code", "result_message"}
    assert inbox() == []


@pytest.mark.parametrize(
    ("code", "settings"),
    [
        ("TS-1030", {"active": False}),
        ("TS-1061", {"closed": ["send_sms"]}),
        ("TS-1027", {"balance": 0}),
        ("TS-1060", {"per_minute": 0}),
    ],
)
def test_an_account_can_be_the_reason_for_a_no(send, account, inbox, code, settings):
    account("turkeysms", **settings)

    assert send()["result_code"] == code
    assert inbox() == []


def test_the_balance_runs_out(send, account, inbox):
    account("turkeysms", balance=1)

    assert send()["result_code"] == "TS-1024"
    assert send()["result_code"] == "TS-1027"
    assert len(inbox()) == 1


def test_the_limit_of_a_minute_ends_with_the_minute(send, account, hands):
    account("turkeysms", per_minute=2)
    assert [send()["total_has_sent_last_1_min"] for _ in range(2)] == [1, 2]

    assert send()["result_code"] == "TS-1060"
    hands.turn(60)
    assert send()["result_code"] == "TS-1024"


@pytest.mark.parametrize(
    "request_",
    [
        {"content": b"not json", "headers": {"content-type": "application/json"}},
        {"json": ["a", "list"]},
        {"json": GOOD | {"text": "x"}, "headers": {"content-type": "text/plain"}},
        {"content": b'{"api_key": "\\ud83d"}', "headers": {"content-type": "application/json"}},
        {"data": {name: str(value) for name, value in GOOD.items()}},
        {"params": GOOD},
    ],
    ids=["no JSON", "a list", "called text", "half a surrogate pair", "a form", "in the URL"],
)
def test_a_body_that_is_no_json_object_is_incorrect_data(client, inbox, request_):
    answer = client.post(f"{API}/gonder/add-content", **request_)

    assert (answer.status_code, "[result_code] => TS-1033" in answer.text) == (200, True)
    assert inbox() == []


def test_a_message_abroad_is_paid_in_lira(send, client, inbox):
    answer = send(sentto="4915112345678")

    assert answer["country"] == "Germany-DE"
    assert inbox()[0]["to"] == "+4915112345678"
    balance = ask(client, "bakiye_sorgulama/add-content")
    assert (balance["local_balance_sms"], balance["international_balance_tl"]) == ("1000000", "999.50")


@pytest.mark.parametrize(
    ("code", "settings"), [("TS-1032", {"international": False}), ("TS-1027", {"international_balance": 0.1})]
)
def test_a_message_abroad_needs_an_account_for_it(send, account, code, settings):
    account("turkeysms", **settings)

    assert send(sentto="4915112345678")["result_code"] == code


def test_an_sms_by_get_has_other_names_for_number_and_language(client, inbox):
    query = {"api_key": KEY, "mobile": "905321234567", "title": "ULAK", "text": "ğ & ş", "lang": 1}
    answer = client.get(f"{API}/get/get.php", params=query | {"response_type": "json"}).json()

    assert (answer["result"], answer["result_code"], answer["sms_lang"]) == ("true", "TS-1024", "Turkish")
    assert inbox()[0]["text"] == "ğ & ş"
    query["sentto"] = query.pop("mobile")
    refused = client.get(f"{API}/get/get.php", params=query | {"response_type": "json"}).json()
    assert (refused["result"], refused["result_code"]) == ("false", "TS-1025")


def test_many_numbers_have_ten_digits_and_cost_each(client, inbox):
    path = "gonder_coklu_gsm/add-content"
    body = {"title": "ULAK", "text": "Merhaba", "sms_lang": 0, "report": 1}
    answer = ask(client, path, sentto="5321234567,5331234567", **body)

    assert (answer["result"], answer["result_code"], answer["number_of_sms"]) == (1, "TS-1024", "2")
    assert answer["total_mobile_num"] == "2"
    assert "sms_id" not in answer
    assert [message["to"] for message in inbox()] == ["+905321234567", "+905331234567"]
    assert ask(client, path, sentto="5321234567,905331234567", **body)["result_code"] == "TS-1034"
    assert len(inbox()) == 2


@pytest.mark.parametrize("by", ["GET", "POST"])
@pytest.mark.parametrize(("digits", "expected"), [("4", 4), ("5", 5), ("6", 6), ("", 4)])
def test_a_code_has_the_digits_asked_for_and_comes_back(client, inbox, by, digits, expected):
    asked = {"api_key": KEY, "mobile": "905321234567", "digits": digits, "lang": 1, "response_type": "json"}
    if by == "GET":
        answer = client.get(f"{API}/otp/otp_get.php", params=asked).json()
    else:
        answer = client.post(f"{API}/otp_post/add-content", json=asked).json()

    assert (answer["result"], answer["result_code"]) == ("true", "TS-1024")
    assert re.fullmatch(f"[0-9]{{{expected}}}", answer["otp_code"])
    assert inbox()[0]["text"] == f"Doğrulama kodunuz: {answer['otp_code']}"
    assert {"sms_id", "number_of_sms", "sms_lang", "country"} <= set(answer)


def test_a_code_needs_four_to_six_digits(client):
    assert ask(client, "otp_post/add-content", mobile="905321234567", digits=7)["result_code"] == "TS-1033"


def test_a_code_in_ones_own_words(client, inbox):
    path, to = "otp_post_detailed/add-content", {"mobile": "905321234567", "title": "ULAK"}
    answer = ask(client, path, sms_text="{Kod} TS_CODETS-LUlak", **to)

    assert inbox()[0]["text"] == f"{{Kod}} {answer['otp_code']}\nUlak"
    assert ask(client, path, sms_text="kod yok", **to)["result_code"] == "TS-1033"
    assert ask(client, path, **to)["result_code"] == "TS-1026"
    assert ask(client, path, sms_text="TS_CODE " + "x" * 160, **to)["result_code"] == "TS-1033"


def test_the_same_code_means_taken_in_one_answer_and_delivered_in_another(send, client, hands):
    sms_id = send()["sms_id"]
    query = {"api_key": KEY, "sms_id": sms_id, "response_type": "json"}
    path = f"{API}/sms-durumu/sms_durumu.php"

    pending = client.get(path, params=query).json()
    assert pending["sms_status_code"] == "TS-1023"
    hands.turn(2)
    assert client.get(path, params=query).json() == {
        "result": "true",
        "sender_id": "ULAK",
        "date_of_sending": pending["date_of_sending"],
        "time_of_sending": pending["time_of_sending"],
        "sms_status": "Number received the message",
        "sms_status_code": "TS-1024",
        "sms_balance": "1 SMS",
        "operator": "Turkcell",
    }
    assert client.post(path, params=query).json()["sms_status_code"] == "TS-1024"
    assert client.post(path, json=query).json()["sms_status_code"] == "TS-1024"


def test_a_message_can_fail(send, client, account, hands):
    account("turkeysms", final_state="failed", deliver_after=1)
    sms_id = send()["sms_id"]
    hands.turn(1)

    answer = ask(client, "sms-durumu/sms_durumu.php", sms_id=sms_id)
    assert answer["sms_status_code"] == "TS-1022"


def test_a_status_query_needs_an_id_that_exists(client, account):
    path = "sms-durumu/sms_durumu.php"
    assert ask(client, path)["result_code"] == "TS-1052"
    assert ask(client, path, sms_id="1")["result_code"] == "TS-1033"
    account("turkeysms", closed=["delivery", "balance"])
    assert ask(client, path, sms_id="1")["result_code"] == "TS-1063"
    assert ask(client, "bakiye_sorgulama/add-content")["result_code"] == "TS-1065"


def test_a_scheduled_message_waits_for_its_minute_in_istanbul(send, client, inbox, hands):
    hands.now = 1_767_225_600.0  # 03:00 in Istanbul
    sms_id = send(scheduled_sms=1, scheduled_date="2026-01-01", scheduled_time="03:01")["sms_id"]

    assert inbox()[0]["state"] == "scheduled"
    hands.turn(60)
    assert inbox()[0]["state"] == "accepted"
    hands.turn(2)
    assert inbox()[0]["state"] == "delivered"
    status = ask(client, "sms-durumu/sms_durumu.php", sms_id=sms_id)
    assert (status["date_of_sending"], status["time_of_sending"]) == ("2026-01-01", "03:01:00")


def test_who_the_key_belongs_to(client):
    assert ask(client, "authenticate/login", report=1) == {
        "result": True,
        "result_code": "TS-1046",
        "result_message": "operation_success",
        "user_id": "1001",
        "account_name": "Ulak Sandbox",
    }
    assert "user_id" not in ask(client, "authenticate/login", report=0)


def test_the_balance_repeats_the_key(client):
    assert ask(client, "bakiye_sorgulama/add-content") == {
        "result": 1,
        "result_code": "TS-1040",
        "result_message": "operation_success",
        "api_key": KEY,
        "local_balance_sms": "1000000",
        "international_balance_tl": "1000.00",
    }


def test_the_sender_ids_are_listed_also_as_print_r(client):
    answer = ask(client, "senderid_sorgulama/add-content", report=1)
    assert [each["sender_id"] for each in answer["sender_ids"]] == ["ULAK", "ULAKTEST"]

    text = client.post(f"{API}/senderid_sorgulama/add-content", json={"api_key": KEY}).text
    assert "    [sender_ids] => Array\n        (\n            [0] => Array\n" in text


def test_methods_and_paths_are_the_vendors(client):
    assert client.get(f"{API}/gonder/add-content").status_code == 405
    assert client.get(f"{API}/gonder/add-content").headers["allow"] == "POST"
    assert client.post(f"{API}/gonder").status_code == 404
