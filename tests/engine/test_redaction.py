"""Masks: one look for a number or an address wherever it is printed, logged or raised."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider.engine.redaction import HIDDEN, mask, scrub

NUMBER = "905321234567"


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("+905321234567", "+90 532 *** ** 67"),
        ("905321234567", "+90 532 *** ** 67"),
        ("+90 532 123 45 67", "+90 532 *** ** 67"),
        ("+14155550100", "+14 *** ** 00"),
        ("+4915112345678", "+49 *** ** 78"),
        ("ayse.yilmaz@example.com", "a***@example.com"),
        ("a@example.com", "a***@example.com"),
        ("@example.com", "***@example.com"),
        ("a@b@example.com", "a***@example.com"),
        ("1234567", HIDDEN),
        ("not an address", HIDDEN),
        ("", HIDDEN),
        ("٠٥٣٢١٢٣٤٥٦٧", HIDDEN),
    ],
)
def test_a_mask_leaves_enough_to_recognise_and_too_little_to_call(address, shown):
    assert mask(address) == shown


@given(st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True))
def test_a_masked_number_hides_at_least_four_digits(number):
    assert sum(c.isdigit() for c in mask(number)) <= len(number) - 1 - 4


@given(st.emails())
def test_a_masked_mailbox_hides_all_but_the_first_letter(address):
    name, _, domain = address.rpartition("@")

    assert mask(address) == f"{name[0]}***@{domain}"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"Invalid number {NUMBER}", "Invalid number +90 532 *** ** 67"),
        (f"+{NUMBER}: invalid", "+90 532 *** ** 67: invalid"),
        (f'{{"mobile":"{NUMBER}"}}', '{"mobile":"+90 532 *** ** 67"}'),
        (f"to={NUMBER}&text=x", "to=+90 532 *** ** 67&text=x"),
        (f"{NUMBER},{NUMBER[:-1]}8", "+90 532 *** ** 67,+90 532 *** ** 68"),
        ("(+90 532 123 45 67)", "(+90 532 *** ** 67)"),
        ("+90 (532) 123-45-67 yok", "+90 532 *** ** 67 yok"),
        ("write to ayse.yilmaz@example.com.", "write to a***@example.com."),
        ("code TS-1024, 250 credits, 0.043 TL", "code TS-1024, 250 credits, 0.043 TL"),
        ("id 8f14e45fceea167a5a36dedd4bea2543", "id 8f14e45fceea167a5a36dedd4bea2543"),
        ("", ""),
    ],
)
def test_scrubbing_takes_out_numbers_and_mailboxes_and_little_else(text, shown):
    assert scrub(text) == shown


@pytest.mark.parametrize(
    "text", [f"Invalid number {NUMBER}.", f"Number {NUMBER}... no", "0532.123.45.67", f"id_{NUMBER}"]
)
def test_scrubbing_finds_a_number_beside_a_full_stop_too(text):
    assert "1234567" not in scrub(text).replace(".", "")


def test_scrubbing_takes_out_known_secrets_but_not_every_short_word():
    assert scrub("key abcd1234 of abc", ["abcd1234", "abc", ""]) == "key *** of abc"


@given(st.text(), st.text("abcdefgh", min_size=4), st.text())
def test_no_known_secret_survives(before, secret, after):
    assert secret not in scrub(f"{before}{secret}{after}", [secret]).replace(HIDDEN, "")
