"""Arge on the sandbox: one endpoint for SMS and mail, and its answers word for word."""

from __future__ import annotations

import httpx
import pytest

KEYS = {"apiKey": "nk_sandbox", "programKey": "ulak-sandbox"}
SMS = KEYS | {"type": "sms", "phones": ["905321234567"], "message": "Merhaba"}
MAIL = KEYS | {"type": "email", "emails": ["alici@ornek.com"], "subject": "Konu", "message": "Merhaba"}
BAD_PHONE = "Geçersiz telefon numarası. En az 10 hane girin; başında 90 yoksa eklenir. Örnek: 905111111111"


@pytest.fixture
def send(client: httpx.Client):
    def post(base: dict[str, object], **changes: object) -> httpx.Response:
        body = {name: value for name, value in (base | changes).items() if value is not None}
        answer = client.post("/argepanel/api/send", json=body)
        assert list(answer.json()) == ["success", "requestId", "message"]
        return answer

    return post


def test_an_sms_is_sent(send, inbox):
    answer = send(SMS)

    assert (answer.status_code, answer.json()["success"], answer.json()["message"]) == (200, True, "sent")
    (message,) = inbox()
    assert (message["channel"], message["to"], message["credits"]) == ("sms", "+905321234567", 1)
    assert message["message_id"] == answer.json()["requestId"]


@pytest.mark.parametrize("phone", ["905511111111", "05511111111", "5511111111"])
def test_ninety_is_put_before_a_number_that_lacks_it(send, inbox, phone):
    send(SMS, phones=[phone])
    assert inbox()[0]["to"] == "+905511111111"


def test_a_mail_is_one_entry_for_each_recipient_with_all_that_belongs_to_it(send, client, inbox):
    answer = send(
        MAIL,
        emails=["a@ornek.com", "b@ornek.com"],
        ccs="c@ornek.com, d@ornek.com",
        bccs=["e@ornek.com"],
        replyTo="f@ornek.com",
        html="<p>Merhaba</p>",
        **{"from": "gonderici@ornek.com"},
    )

    assert answer.status_code == 200
    first, second = inbox(vendor="argepanel")
    assert (first["to"], second["to"]) == ("a@ornek.com", "b@ornek.com")
    assert (first["channel"], first["subject"], first["html"]) == ("email", "Konu", "<p>Merhaba</p>")
    detail = client.get(f"/_sandbox/messages/{first['id']}").json()
    assert detail["from"] == "gonderici@ornek.com"
    assert (detail["cc"], detail["bcc"]) == (["c@ornek.com", "d@ornek.com"], ["e@ornek.com"])
    assert detail["reply_to"] == ["f@ornek.com"]
    assert detail["segments"] is None


@pytest.mark.parametrize("body", [{"message": None, "html": "<p>x</p>"}, {"html": "<p>x</p>"}, {}])
def test_a_mail_may_have_text_or_html_or_both(send, inbox, body):
    assert send(MAIL, **body).status_code == 200
    assert inbox()[0]["sender"] == "bildirim@ornek.com"


@pytest.mark.parametrize(
    ("base", "changes", "words"),
    [
        (SMS, {"phones": None}, None),
        (SMS, {"phones": []}, None),
        (SMS, {"phones": "905321234567"}, None),
        (SMS, {"phones": ["+905321234567"]}, BAD_PHONE),
        (SMS, {"phones": ["532123456"]}, BAD_PHONE),
        (SMS, {"phones": ["905321234567", "4915112345678"]}, BAD_PHONE),
        (SMS, {"phones": [905321234567]}, BAD_PHONE),
        (SMS, {"message": None}, None),
        (SMS, {"message": "  "}, None),
        (SMS, {"message": 5}, None),
        (SMS, {"type": "fax"}, None),
        (SMS, {"type": None}, None),
        (
            MAIL,
            {"emails": None},
            "type=email için en az bir alıcı zorunludur: emails alanına bir veya daha fazla e-posta adresi girin.",
        ),
        (MAIL, {"emails": ["nobody"]}, None),
        (MAIL, {"subject": None}, None),
        (MAIL, {"message": None}, None),
        (MAIL, {"ccs": ["nobody"]}, None),
        (MAIL, {"bccs": 5}, None),
        (MAIL, {"from": "nobody"}, None),
    ],
)
def test_what_validation_refuses_is_a_400_and_not_taken(send, inbox, base, changes, words):
    answer = send(base, **changes)

    assert (answer.status_code, answer.json()["success"]) == (400, False)
    assert words is None or answer.json()["message"] == words
    assert inbox() == []


@pytest.mark.parametrize(
    "changes", [{"apiKey": "nk_..."}, {"apiKey": None}, {"programKey": "x"}, {"apiKey": 5}]
)
def test_a_wrong_key_or_program_is_told_before_anything_else(send, inbox, changes):
    answer = send(SMS, phones=None, **changes)

    assert (answer.status_code, answer.json()["message"]) == (401, "Geçersiz API anahtarı veya program")
    assert inbox() == []


@pytest.mark.parametrize(
    ("settings", "status", "words"),
    [
        ({"active": False}, 403, "Bu API anahtarı pasif durumdadır."),
        ({"expired": True}, 403, "API anahtarının süresi dolmuş"),
        ({"per_minute": 0}, 429, "İstek limiti aşıldı"),
    ],
)
def test_an_account_can_be_the_reason_for_a_no(send, account, inbox, settings, status, words):
    account("argepanel", **settings)

    answer = send(SMS)
    assert (answer.status_code, answer.json()["message"]) == (status, words)
    assert inbox() == []


def test_from_addresses_can_be_limited(send, account):
    account("argepanel", senders=["bildirim@ornek.com"])

    assert send(MAIL).status_code == 200
    assert send(MAIL, **{"from": "gonderici@ornek.com"}).status_code == 400


@pytest.mark.parametrize(
    ("mode", "status", "words"),
    [
        ("http_500", 500, "Sunucu hatası"),
        ("http_502", 502, "Gönderim sağlayıcı hatası"),
        ("http_429", 429, "İstek limiti aşıldı"),
    ],
)
def test_its_faults_have_the_documents_words(send, fault, mode, status, words):
    fault(vendor="argepanel", mode=mode)

    answer = send(SMS)
    assert (answer.status_code, answer.json()["message"]) == (status, words)


@pytest.mark.parametrize("request_", [{"content": b"x"}, {"data": {"type": "sms"}}, {"json": []}])
def test_a_body_that_is_no_json_object_is_refused(client, request_):
    answer = client.post("/argepanel/api/send", **request_)
    assert (answer.status_code, answer.json()["success"]) == (400, False)
