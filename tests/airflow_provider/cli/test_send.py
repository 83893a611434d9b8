"""`ulak send`, and what it prints and ends with, whatever happens."""

from __future__ import annotations

from pathlib import Path

import pytest

SMS = ("send", "sms", "--conn", "turkeysms_default")
OTP = ("send", "otp", "--conn", "turkeysms_default", "--to", "0532 123 45 67")
WHATSAPP = ("send", "whatsapp", "--conn", "vatansms_default")
EMAIL = ("send", "email", "--conn", "argepanel_default")
AYSE, MASKED = "+905321234567", "+90 532 *** ** 67"

pytestmark = pytest.mark.usefixtures("sandbox_connections")


def test_json_is_one_object_with_masked_recipients(ulak, inbox) -> None:
    result = ulak(*SMS, "--to", "0532 123 45 67", "--text", "Merhaba", "--json")
    assert result.code == 0
    (message,) = inbox()
    assert (message["to"], message["text"]) == (AYSE, "Merhaba")
    assert result.json == {
        "vendor": "turkeysms",
        "recipients": [
            {"to": MASKED, "state": "ACCEPTED", "message_id": message["message_id"], "error": None}
        ],
        "segments": 1,
        "credits": 1,
    }


def test_full_shows_numbers(ulak, sandbox) -> None:
    result = ulak(*SMS, "--to", AYSE, "--text", "Merhaba", "--json", "--full")
    assert result.json["recipients"][0]["to"] == AYSE


def test_segments_are_of_one_message_and_credits_of_all(ulak, inbox) -> None:
    result = ulak(
        *SMS, "--to", "05321234567, 05331234567", "--to", "05341234567", "--text", "a" * 200, "--json"
    )
    assert result.code == 0
    assert (result.json["segments"], result.json["credits"]) == (2, 6)
    assert [message["to"] for message in inbox()] == ["+905321234567", "+905331234567", "+905341234567"]


def test_the_table_is_short_and_tells_nobodys_number(ulak, sandbox) -> None:
    result = ulak(*SMS, "--to", AYSE, "--text", "Günaydın", "--key", "order-118")
    assert MASKED in result.out
    assert "ACCEPTED" in result.out
    assert result.out.splitlines()[-1] == "1 segment, Turkish single shift because of “ı”; key order-118"
    assert "5321234567" not in result.out + result.err


def test_the_same_key_sends_once_and_ends_well(ulak, inbox) -> None:
    first = ulak(*SMS, "--to", AYSE, "--text", "Merhaba", "--key", "order-118", "--json")
    again = ulak(*SMS, "--to", AYSE, "--text", "Merhaba", "--key", "order-118", "--json")
    assert (first.code, again.code) == (0, 0)
    assert again.json == first.json
    assert "Warning: Not sent again to +90 532 *** ** 67" in again.err
    assert len(inbox()) == 1


def test_a_new_recipient_under_the_same_key_gets_it(ulak, inbox) -> None:
    ulak(*SMS, "--to", AYSE, "--text", "Merhaba", "--key", "order-118")
    assert ulak(*SMS, "--to", f"{AYSE},05331234567", "--text", "Merhaba", "--key", "order-118").code == 0
    assert [message["to"] for message in inbox()] == [AYSE, "+905331234567"]


def test_without_a_key_it_is_a_new_message(ulak, inbox) -> None:
    for _ in range(2):
        assert ulak(*SMS, "--to", AYSE, "--text", "Merhaba").code == 0
    assert len(inbox()) == 2


def test_a_number_nobody_has_is_tried_with_a_warning(ulak, inbox) -> None:
    result = ulak(*SMS, "--to", "905111111111", "--text", "Merhaba")
    assert result.code == 0
    assert "Warning: +90 511 *** ** 11 is in no range of numbers known to be in use." in result.err
    assert len(inbox()) == 1


# --- codes ----------------------------------------------------------------------------------------------


def test_rejected_ends_with_3(ulak, inbox) -> None:
    result = ulak(*SMS, "--to", AYSE, "--text", "Merhaba", "--sender", "NOBODY", "--json")
    assert result.code == 3
    assert result.json["recipients"][0]["state"] == "REJECTED"
    assert result.json["recipients"][0]["error"]
    assert result.json["credits"] == 0
    assert "turkeysms send_sms: The account has no such sender." in result.err
    assert inbox() == []


def test_not_sent_ends_with_4_and_nothing_is_spent(ulak, fault, inbox) -> None:
    fault("turkeysms", "http_429", times=1)
    result = ulak(*SMS, "--to", f"{AYSE},05331234567", "--text", "Merhaba", "--json")
    assert result.code == 4
    assert [recipient["state"] for recipient in result.json["recipients"]] == ["NOT_SENT", "NOT_SENT"]
    assert result.json["credits"] == 0
    assert "Nothing was sent." in result.err
    assert inbox() == []


def test_what_was_not_sent_goes_out_under_the_key_that_is_named(ulak, fault, inbox) -> None:
    fault("turkeysms", "http_429", times=1)
    failed = ulak(*SMS, "--to", AYSE, "--text", "Merhaba")
    key = failed.err.partition("send again with --key ")[2].partition(",")[0]
    assert ulak(*SMS, "--to", AYSE, "--text", "Merhaba", "--key", key).code == 0
    assert ulak(*SMS, "--to", AYSE, "--text", "Merhaba", "--key", key).code == 0
    assert len(inbox()) == 1


def test_an_unreachable_vendor_ends_with_4(ulak, sandbox, monkeypatch) -> None:
    monkeypatch.setenv(
        "AIRFLOW_CONN_NOWHERE",
        '{"conn_type": "turkeysms", "host": "http://127.0.0.1:9", "password": "sandbox-turkeysms-key",'
        ' "extra": {"sender": "ULAK"}}',
    )
    result = ulak("send", "sms", "--conn", "nowhere", "--to", AYSE, "--text", "Merhaba", "--json")
    assert result.code == 4
    assert result.json["recipients"][0]["state"] == "NOT_SENT"


def test_unknown_ends_with_5_and_is_not_sent_again(ulak, fault, inbox) -> None:
    fault("turkeysms", "accept_then_drop", times=1)
    result = ulak(*SMS, "--to", AYSE, "--text", "Merhaba", "--key", "order-118", "--json")
    assert result.code == 5
    assert result.json["recipients"][0]["state"] == "UNKNOWN"
    assert result.json["credits"] == 1
    assert "may or may not have gone out" in result.err
    assert ulak(*SMS, "--to", AYSE, "--text", "Merhaba", "--key", "order-118", "--json").code == 5
    assert len(inbox()) == 1


def test_of_several_recipients_the_gravest_decides(ulak, fault, inbox) -> None:
    fault("turkeysms", "accept_then_drop", times=1)
    result = ulak(*SMS, "--to", f"{AYSE},05331234567", "--text", "Merhaba")
    assert result.code == 5
    assert "UNKNOWN" in result.out
    assert "ACCEPTED" in result.out
    assert len(inbox()) == 2


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([*SMS, "--to", AYSE], "There is no text: give --text or --text-file."),
        ([*SMS, "--to", AYSE, "--text", "a", "--text-file", "b"], "--text and --text-file are both given"),
        ([*SMS, "--to", AYSE, "--text", "  "], "text is empty"),
        ([*SMS, "--to", AYSE, "--text-file", "/nonexistent/text"], "cannot be read: No such file"),
        ([*SMS, "--to", "12345", "--text", "a"], "is not a whole Turkish number"),
        ([*SMS, "--to", "0532 ABC 45 67", "--text", "a"], "Nothing was sent."),
        ([*SMS, "--to", "", "--text", "a"], "A recipient is empty."),
        ([*SMS, "--to", AYSE, "--text", "a", "--key", " "], "Invalid value for '--key'"),
        ([*SMS, "--text", "a"], "Missing option '--to'"),
        (
            ["send", "sms", "--conn", "nobodys", "--to", AYSE, "--text", "a"],
            "There is no connection 'nobodys'.",
        ),
        (
            ["send", "sms", "--conn", "vatansms_default", "--to", AYSE, "--text", "a"],
            "has no operation 'send_sms'",
        ),
        ([*OTP, "--to", "05331234567"], "A one-time code goes to one number"),
        ([*OTP, "--language", "fr"], "The language 'fr' is none of en, tr and ar."),
        ([*OTP, "--digits", "7"], "Invalid value for '--digits'"),
        ([*EMAIL, "--to", "a@example.com", "--subject", "Hi"], "There is no text"),
        ([*EMAIL, "--to", "nobody", "--subject", "Hi", "--text", "a"], "is not an e-mail address"),
        (
            [*EMAIL, "--to", "a@example.com", "--subject", "a\nBcc: b@example.com", "--text", "a"],
            "line break",
        ),
        (
            [*WHATSAPP, "--to", AYSE, "--text", "a", "--attach", "/nonexistent/a.pdf"],
            "'a.pdf' cannot be read",
        ),
        (
            [*WHATSAPP, "--to", AYSE, "--text", "a", "--attach", __file__],
            "does not take this kind of attachment",
        ),
        ([*WHATSAPP, "--to", AYSE, "--text", "a", "--speed", "5"], "Invalid value for '--speed'"),
    ],
)
def test_wrong_input_ends_with_2_a_sentence_and_no_json(ulak, inbox, arguments, sentence) -> None:
    result = ulak(*arguments, "--json")
    assert result.code == 2
    assert sentence in result.err
    assert result.out == ""
    assert "Traceback" not in result.err
    assert inbox() == []


def test_a_wrong_message_is_wrong_also_under_a_key_that_went_out(ulak, inbox) -> None:
    ulak(*WHATSAPP, "--to", AYSE, "--text", "a", "--key", "k")
    result = ulak(*WHATSAPP, "--to", AYSE, "--text", "a", "--key", "k", "--attach", __file__, "--json")
    assert (result.code, result.out) == (2, "")


def test_a_bug_of_ours_is_a_sentence_without_its_words(ulak, sandbox, monkeypatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("sandbox-turkeysms-key")

    monkeypatch.setattr("airflow_provider.engine.dispatch.send", broken)
    result = ulak(*SMS, "--to", AYSE, "--text", "Merhaba", "--json")
    assert result.code == 1
    assert "Ulak failed unexpectedly (RuntimeError), and this is a bug. See `ulak status " in result.err
    assert result.json["recipients"][0]["state"] == "NOT_SENT"
    assert "sandbox-turkeysms-key" not in result.err + result.out


# --- text -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", ["Merhaba\nAyşe\n", "Merhaba\nAyşe", "\ufeffMerhaba\nAyşe\r\n"])
def test_text_comes_from_a_file_without_its_last_line_break(ulak, inbox, tmp_path: Path, content) -> None:
    file = tmp_path / "text.txt"
    file.write_bytes(content.encode())
    assert ulak(*SMS, "--to", AYSE, "--text-file", str(file)).code == 0
    assert inbox()[0]["text"] == "Merhaba\nAyşe"


def test_text_comes_from_stdin(ulak, inbox) -> None:
    assert ulak(*SMS, "--to", AYSE, "--text-file", "-", stdin="Günaydın\n".encode()).code == 0
    assert inbox()[0]["text"] == "Günaydın"


def test_text_that_is_no_utf8_is_named_and_not_guessed(ulak, inbox) -> None:
    result = ulak(*SMS, "--to", AYSE, "--text-file", "-", stdin="Günaydın".encode("iso-8859-9"))
    assert result.code == 2
    assert "The text of --text-file is not UTF-8 (byte 2 is not)." in result.err
    assert inbox() == []


# --- one-time codes -------------------------------------------------------------------------------------


def test_the_code_stays_hidden(ulak, inbox) -> None:
    for result in (ulak(*OTP), ulak(*OTP, "--json")):
        assert result.code == 0
        code = "".join(c for c in inbox()[-1]["text"] if c.isdigit())
        assert len(code) >= 4
        assert code not in result.out + result.err
    assert "code" not in result.json


def test_the_code_is_shown_to_who_asks(ulak, inbox) -> None:
    as_json = ulak(*OTP, "--reveal-code", "--digits", "4", "--language", "en", "--json")
    assert len(as_json.json["code"]) == 4
    assert as_json.json["code"] in inbox()[0]["text"]
    as_table = ulak(*OTP, "--reveal-code")
    assert as_table.out.splitlines()[-1].removeprefix("code ") in inbox()[1]["text"]


def test_a_code_of_one_own_text(ulak, inbox) -> None:
    assert ulak(*OTP, "--text", "Kod: TS_CODE").code == 0
    assert inbox()[0]["text"].startswith("Kod: ")


def test_a_code_that_went_out_is_not_sent_again_and_not_known_any_more(ulak, inbox) -> None:
    ulak(*OTP, "--key", "login-7", "--reveal-code", "--json")
    again = ulak(*OTP, "--key", "login-7", "--reveal-code", "--json")
    assert again.code == 0
    assert again.json["code"] is None
    assert again.json["recipients"][0]["state"] == "ACCEPTED"
    assert "This one-time code went out earlier under the same key. Use a new key" in again.err
    assert len(inbox()) == 1


# --- e-mail and WhatsApp --------------------------------------------------------------------------------


def test_an_email_with_everything(ulak, inbox, control, tmp_path: Path) -> None:
    html = tmp_path / "body.html"
    html.write_text("<b>Günaydın</b>", encoding="utf-8")
    result = ulak(
        *EMAIL, "--to", "ayse@example.com,ali@example.com", "--subject", "Selam", "--text", "Günaydın",
        "--html-file", str(html), "--from", "shop@example.com", "--cc", "cc@example.com",
        "--bcc", "b1@example.com", "--bcc", "b2@example.com", "--reply-to", "desk@example.com", "--json",
    )  # fmt: skip
    assert result.code == 0
    assert [recipient["to"] for recipient in result.json["recipients"]] == ["a***@example.com"] * 2
    assert (result.json["segments"], result.json["credits"]) == (None, None)
    message = control.get(f"/_sandbox/messages/{inbox()[0]['id']}").json()
    assert (message["subject"], message["text"], message["html"]) == ("Selam", "Günaydın", "<b>Günaydın</b>")
    assert message["from"] == "shop@example.com"
    assert (message["cc"], message["reply_to"]) == (["cc@example.com"], ["desk@example.com"])
    assert message["bcc"] == ["b1@example.com", "b2@example.com"]


def test_a_whatsapp_message_with_a_file(ulak, inbox, control, tmp_path: Path) -> None:
    file = tmp_path / "fatura.pdf"
    file.write_bytes(b"%PDF-1.7")
    result = ulak(
        *WHATSAPP, "--to", AYSE, "--text", "Faturanız", "--attach", str(file), "--speed", "2", "--json"
    )
    assert result.code == 0
    assert result.json["vendor"] == "vatansms"
    message = control.get(f"/_sandbox/messages/{inbox()[0]['id']}").json()
    assert message["text"] == "Faturanız"
    assert (message["attachment"]["name"], message["attachment"]["size"]) == ("fatura.pdf", 8)


def test_another_device_is_asked_for(ulak, inbox) -> None:
    result = ulak(*WHATSAPP, "--to", AYSE, "--text", "Selam", "--device", "777")
    assert result.code == 3
    assert inbox() == []
