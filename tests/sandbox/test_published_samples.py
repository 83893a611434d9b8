"""The request samples that four vendors publish, sent by a plain HTTP client.

As printed they get the vendor's documented refusal; with only key, sender, recipient and reg_id filled in they are
taken. (BaslikliSMS publishes none.)
"""

from __future__ import annotations

import json

import httpx
import pytest

LINKED = "2953401050"

# `001_89b4df27c045ecf2.txt`: the payload of the Python sample, which the other languages repeat.
TURKEYSMS_BODY = (
    '{"api_key":"API_KEY_HERE","title":"SMS_TITLE_HERE","text":"TEXT_SMS","sentto":"90500000000"}'
)
TURKEYSMS_URL = "/turkeysms/api/v3/gonder/add-content"
TURKEYSMS_GET = (
    "/turkeysms/api/v3/get/get.php?api_key=API_KEY_HERE&mobile=MOBILE_HERE&title=TITLE_HERE&text=SMS_TEXT_HERE"
    "&report=1&lang=2&response_type=json&content_type=0"
)
TURKEYSMS_STATUS = (
    "/turkeysms/api/v3/sms-durumu/sms_durumu.php?api_key=API_KEY_HERE&sms_id=SMS_ID_HERE&response_type=php"
)
# `003_16bce886d04cf347.txt`
ARGE = {
    "SMS": """{
"apiKey": "nk_...",
"programKey": "my-program",
"type": "sms",
"phones": ["905551234567"],
"message": "Merhaba, bu bir test mesajıdır."
}""",
    "mail": """{
"apiKey": "nk_...",
"programKey": "my-program",
"type": "email",
"emails": ["alici@ornek.com"],
"message": "E-posta gövdesi",
"subject": "Konu (zorunlu)"
}""",
    "mail with everything": """{
"apiKey": "nk_...",
"programKey": "my-program",
"type": "email",
"emails": ["alici@ornek.com"],
"ccs": ["cc@ornek.com"],
"bccs": ["gizli@ornek.com"],
"replyTo": ["cevap@ornek.com"],
"from": "gonderici@ornek.com",
"subject": "Konu",
"message": "Düz metin gövde",
"html": "<p>HTML gövde (opsiyonel)</p>"
}""",
    "mail of HTML alone": """{
"apiKey": "nk_...",
"programKey": "my-program",
"type": "email",
"emails": ["alici@ornek.com"],
"subject": "Konu",
"html": "<p>Yalnızca HTML gövde</p>"
}""",
}
# `004_f359c583eb2db9e1.txt`: the example values of the parameter tables.
VATANSMS_HEADERS = {"client-id": "<your-client-id>", "client-secret": "<your-client-secret>"}
VATANSMS = {
    "/login/phone": '{"phone": "+90xxxxxxxxxx"}',
    "/login/check/active": '{"reg_id": "xxxxxxxxxx"}',
    "/messages/send": """{"reg_id": "xxxxxxxxxx", "to": "+90xxxxxxxxxx", "message": "test mesaj içeriği",
        "send_speed": 1, "report_id": 1}""",
    "/messages/send/oneToN": """{"reg_id": "xxxxxxxxxx", "to": "+90xxxxxxxxxx, +90xxxxxxxxxx",
        "message": "test mesaj içeriği", "send_speed": 1, "report_id": 1}""",
    "/messages/send/nToN": """{"reg_id": "xxxxxxxxxx",
        "n_to_n": [{"to": "+90xxxxxxxxxx","message": "test mesaj 1"},{"to": "+90xxxxxxxxxx","message": "test mesaj 2"}],
        "send_speed": 1, "report_id": 1}""",
    "/profile-picture": '{"reg_id": "xxxxxxxxxx"}',
    "/logout": '{"reg_id": "xxxxxxxxxx"}',
}


def post(client: httpx.Client, url: str, body: str, **headers: str) -> httpx.Response:
    return client.post(url, content=body.encode(), headers={"Content-Type": "application/json", **headers})


def test_turkeysms_by_post(client, inbox):
    assert "[result_code] => TS-1031\n" in post(client, TURKEYSMS_URL, TURKEYSMS_BODY).text
    with_key = TURKEYSMS_BODY.replace("API_KEY_HERE", "sandbox-turkeysms-key")
    assert "[result_code] => TS-1029\n" in post(client, TURKEYSMS_URL, with_key).text
    with_title = with_key.replace("SMS_TITLE_HERE", "ULAK")
    assert "[result_code] => TS-1034\n" in post(client, TURKEYSMS_URL, with_title).text
    assert inbox() == []

    filled = with_title.replace("90500000000", "905321234567")
    assert "[result_code] => TS-1024\n" in post(client, TURKEYSMS_URL, filled).text
    assert [message["text"] for message in inbox()] == ["TEXT_SMS"]


def test_turkeysms_in_php_has_empty_values(client, inbox):
    body = json.dumps({"api_key": "", "title": "", "text": "", "sentto": ""})
    assert "[result_code] => TS-1050\n" in post(client, TURKEYSMS_URL, body).text
    assert inbox() == []


def test_turkeysms_by_get(client, inbox):
    assert client.get(TURKEYSMS_GET).json()["result_code"] == "TS-1031"
    assert inbox() == []

    filled = TURKEYSMS_GET.replace("API_KEY_HERE", "sandbox-turkeysms-key")
    filled = filled.replace("MOBILE_HERE", "905321234567").replace("TITLE_HERE", "ULAK")
    assert client.get(filled).json()["result_code"] == "TS-1024"
    assert [message["text"] for message in inbox()] == ["SMS_TEXT_HERE"]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_turkeysms_status(client, method):
    assert "[result_code] => TS-1031\n" in client.request(method, TURKEYSMS_STATUS).text

    filled = TURKEYSMS_BODY.replace("API_KEY_HERE", "sandbox-turkeysms-key").replace("SMS_TITLE_HERE", "ULAK")
    post(client, TURKEYSMS_URL, filled.replace("90500000000", "905321234567"))
    status = TURKEYSMS_STATUS.replace("API_KEY_HERE", "sandbox-turkeysms-key").replace(
        "SMS_ID_HERE", "1000007721"
    )
    assert "    [sms_balance] => 1 SMS\n" in client.request(method, status).text


@pytest.mark.parametrize("path", ["/messages", "/messages.json"])
def test_bulutfon(client, inbox, path):
    parameters = {"title": "TEST", "receivers": "905xxxxxxxxx", "content": "Test Message"}
    assert client.post(f"/bulutfon{path}?access_token=xxx", data=parameters).status_code == 401
    for printed in ("?access_token=xxx", "?access_token=xxx&page=2", "?access_token=xxx&limit=200&page=2"):
        assert client.get(f"/bulutfon{path}{printed}").status_code == 401
        assert (
            client.get(f"/bulutfon{path}{printed.replace('xxx', 'sandbox-bulutfon-token')}").status_code
            == 200
        )
    assert inbox() == []

    filled = parameters | {"title": "ULAK", "receivers": "905321234567"}
    answer = client.post(f"/bulutfon{path}?access_token=sandbox-bulutfon-token", data=filled)
    assert answer.status_code == 200
    assert [message["text"] for message in inbox()] == ["Test Message"]


@pytest.mark.parametrize("sample", ARGE)
def test_argepanel(client, inbox, sample):
    answer = post(client, "/argepanel/api/send", ARGE[sample])
    assert (answer.status_code, answer.json()["message"]) == (401, "Geçersiz API anahtarı veya program")
    assert inbox() == []

    filled = ARGE[sample].replace("nk_...", "nk_sandbox").replace("my-program", "ulak-sandbox")
    answer = post(client, "/argepanel/api/send", filled)
    assert (answer.status_code, answer.json()["message"]) == (200, "sent")
    assert len(inbox()) == 1


@pytest.mark.parametrize("path", VATANSMS)
def test_vatansms(client, path):
    url, body = f"/vatansms/api/whatsapp/v1{path}", VATANSMS[path]
    assert post(client, url, body, **VATANSMS_HEADERS).status_code == 401
    credentials = {"client-id": "sandbox-client", "client-secret": "sandbox-vatansms-secret"}
    assert post(client, url, body, **credentials).status_code == 400

    filled = body.replace('"xxxxxxxxxx"', f'"{LINKED}"').replace("+90xxxxxxxxxx", "+905321234567")
    answer = post(client, url, filled, **credentials)
    assert (answer.status_code, answer.json()["status"]) == (200, "success")
