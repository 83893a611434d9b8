"""How a vendor's no becomes an error of ours, and what of its words may be shown."""

from __future__ import annotations

import pytest

from airflow_provider.engine.errors import AuthenticationFailed, InvalidRecipient, Rejected
from airflow_provider.engine.vendors.refusals import Refusal, quoting, refusal, safe_words

TABLE = (
    Refusal(400, "telefon", InvalidRecipient, "recipient", "The number is wrong.", "Look at it again."),
    Refusal(400, "", Rejected, "message", "A field is wrong."),
    Refusal(403, "", AuthenticationFailed, "account", "Go away."),
)


@pytest.mark.parametrize(
    ("status", "words", "kind", "scope"),
    [
        (400, "Geçersiz telefon", InvalidRecipient, "recipient"),
        (400, "Konu eksik", Rejected, "message"),
        (400, "", Rejected, "message"),
        (403, "telefon", AuthenticationFailed, "account"),
    ],
)
def test_the_first_row_that_fits_counts(status, words, kind, scope):
    error = refusal(TABLE, words, status=status, vendor="v", operation="send_sms")
    assert type(error) is kind
    assert (error.scope, error.status, error.vendor, error.operation) == (scope, status, "v", "send_sms")


def test_a_refusal_that_nobody_foresaw_stops_the_run_and_can_be_tried_again_later():
    error = refusal(TABLE, "", status=418, vendor="v", operation="send_sms")
    assert type(error) is Rejected
    assert error.scope == "account"


def test_a_rows_advice_comes_before_that_of_the_class():
    assert refusal(TABLE, "telefon", status=400).advice == "Look at it again."
    assert "credentials" in refusal(TABLE, "", status=403).advice


def test_the_vendors_words_stand_at_the_end_of_the_sentence():
    assert quoting("The number is wrong.", "Geçersiz telefon.") == 'The number is wrong: "Geçersiz telefon".'
    assert quoting("The number is wrong.", "") == "The number is wrong."


def test_words_are_shown_without_what_they_quote():
    said = "key nk_4711 may not write\n'Kodunuz 1234' to 905321234567 or ali@ornek.com"
    shown = safe_words(said, ["nk_4711", "Kodunuz 1234", ""])
    assert shown == "key *** may not write '***' to +90 532 *** ** 67 or a***@ornek.com"


def test_a_secret_at_the_cut_does_not_stay_in_half():
    assert "nk_" not in safe_words("x" * 195 + "nk_4711", ["nk_4711"])


@pytest.mark.parametrize("value", [None, 7, ["no"], {"a": 1}, True])
def test_words_that_are_no_text_are_not_shown(value):
    assert safe_words(value, []) == ""
