"""Numbers as people write them, checked by hand and against the library that knows the world's numbers."""

from __future__ import annotations

import re
import subprocess
import sys

import phonenumbers
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from airflow_provider.engine.errors import ConfigurationError, InvalidMessage
from airflow_provider.engine.phone import Phone, normalise, parse

AHMET = "+905321234567"


@pytest.mark.parametrize(
    "text",
    [
        "05321234567",
        "5321234567",
        "905321234567",
        "+905321234567",
        "00905321234567",
        "0532 123 45 67",
        "0 (532) 123 45 67",
        "(0532) 123-45-67",
        "[0532] 1234567",
        "532.123.45.67",
        "532/123/4567",
        "+90 532 123 45 67",
        "(+90) 532 123 45 67",
        "+90 (0) 532 123 45 67",
        "90 0532 123 45 67",
        "0090 0532 123 45 67",
        "0532\u00a0123\u202f45\u200967",
        "\u202a+90 532 123 45 67\u202c",
        "0532–123—45‑67",
        "  0532 123 45 67\r\n",
        "'05321234567",
        '"0532 123 45 67",',
        "0532 123 45 67;",
        "tel:+90-532-123-45-67",
        "Tel: 0532 123 45 67",
        "5321234567.0",
        "905321234567,0",
        "٠٥٣٢ ١٢٣ ٤٥ ٦٧",
        "＋９０５３２１２３４５６７",
    ],
)
def test_every_turkish_spelling_comes_to_one_number(text: str) -> None:
    assert normalise(text) == AHMET
    assert parse(text) == Phone(AHMET, region="TR", valid=True)


@pytest.mark.parametrize(
    ("text", "e164", "region"),
    [
        ("+4915123456789", "+4915123456789", "DE"),
        ("0049 151 23456789", "+4915123456789", "DE"),
        ("+4915123456789.0", "+4915123456789", "DE"),
        ("+44 (0)20 7946 0958", "+442079460958", "GB"),
        ("+39 06 1234 5678", "+390612345678", "IT"),
        ("+1 202-456-1111", "+12024561111", "US"),
        ("+800 1234 5678", "+80012345678", None),
        ("0212 293 12 34", "+902122931234", "TR"),
        ("+903222450353", "+903222450353", "TR"),
    ],
)
def test_a_number_abroad_needs_its_country_code(text: str, e164: str, region: str | None) -> None:
    assert parse(text) == Phone(e164, region=region, valid=True)


@pytest.mark.parametrize(
    ("text", "e164"),
    [
        # 003_16bce886d04cf347.txt
        ("905111111111", "+905111111111"),
        ("5111111111", "+905111111111"),
        ("+90 599 000 00 00", "+905990000000"),
        ("+1 555 123 4567", "+15551234567"),
    ],
)
def test_a_number_of_the_right_shape_in_an_unknown_range_is_reported_not_refused(
    text: str, e164: str
) -> None:
    phone = parse(text)

    assert phone.e164 == e164
    assert not phone.valid


def test_the_other_samples_of_the_documents_are_numbers_in_use() -> None:
    assert [parse(text).valid for text in ("05511111111", "905551234567", "+905459260314")] == [
        True,
        True,
        True,
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("4915123456789", "neither Turkish"),
        ("12025550143", "neither Turkish"),
        ("053212345678901", "not a whole Turkish number"),
        ("0532 123 45 6", "not a whole Turkish number"),
        ("90532123456", "not a whole Turkish number"),
        ("9053212345", "not a whole Turkish number"),
        ("0905321234567", "not a whole Turkish number"),
        ("+90 532 123 45 678", "not a whole Turkish number"),
        ("90500000000", "not a whole Turkish number"),  # 001_89b4df27c045ecf2.txt, a digit short
        ("444 12 34", "not a whole Turkish number"),
        ("532123456.0", "not a whole Turkish number"),
        ("155", "not a whole Turkish number"),
        ("0532XXXXXXX", "masked"),  # 000_b11aee7f3ab90066.txt
        ("905xxxxxxxxx", "masked"),
        ("0532 *** ** 67", "masked"),
        ("0532 ABC 45 67", "letters"),
        ("0532 123 45 6O", "letters"),
        ("0532 123 45 6б", "letters"),
        ("Ali 0532 123 45 67", "letters"),
        ("0532 123 45 67 ext 5", "extension"),
        ("0532 123 45 67 dahili 12", "extension"),
        ("0532 123 45 67x5", "extension"),
        ("0532 123 45 67#5", "extension"),
        ("tel:+905321234567;ext=5", "extension"),
        ("9,05E+11", "spreadsheet"),
        ("9.05E+11", "spreadsheet"),
        ("9,05321E+11", "spreadsheet"),
        ("5e9", "spreadsheet"),
        ("0532 123 45 67, 0533 123 45 67", "','"),
        ("0532 123 45 6²", "'²'"),
        ("0532\ud83d1234567", r"'\ud83d'"),
        ("90+5321234567", "a + that is not at its beginning"),
        ("++905321234567", "a + that is not at its beginning"),
        ("", "no digits"),
        ("  ", "no digits"),
        ("tel:", "no digits"),
        ("Ahmet", "no digits"),
        ("+", "no digits"),
        ("+0532 123 45 67", "does not begin with the code of a country"),
        ("+999 123 456", "does not begin with the code of a country"),
        ("00", "too few digits"),
        ("+49", "too few digits"),
        ("+1 202 456", "too few digits for its country"),
        ("+1 202 456 1111 11", "too many digits for its country"),
        ("+1 456 1111", "lacks its area code"),
        ("+49 151 234567890123", "more than the fifteen digits"),
        ("+49" + "1" * 300, "too many digits"),
        ("+43 00 8380 123", "can be read in two ways"),
    ],
)
def test_what_is_not_one_whole_number_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(InvalidMessage) as refusal:
        parse(text)

    assert reason in refusal.value.sentence
    assert refusal.value.sentence.endswith(".")
    assert refusal.value.advice.endswith(".")
    assert "Nothing was sent." in str(refusal.value)


def test_the_refusal_says_how_to_write_a_number_abroad() -> None:
    with pytest.raises(
        InvalidMessage, match=r"Write a number abroad as \+4915\*{7}89, and a Turkish one as"
    ) as refusal:
        parse("4915123456789")

    assert "4915123456789" not in str(refusal.value)


def test_a_short_number_is_not_shown_whole_either() -> None:
    with pytest.raises(InvalidMessage) as refusal:
        parse("4471")

    assert "4**1" in str(refusal.value)


def test_another_region_has_its_own_national_form() -> None:
    assert normalise("0151 23456789", region="DE") == "+4915123456789"
    assert normalise("0532 123 45 67", region="TR") == AHMET
    assert normalise("+90 532 123 45 67", region="DE") == AHMET
    assert normalise("011 90 532 123 45 67", region="US") == AHMET
    with pytest.raises(InvalidMessage, match="too many digits"):
        normalise("4915123456789", region="US")
    with pytest.raises(InvalidMessage, match="does not begin with the code of a country"):
        normalise("+011 90 532 123 45 67", region="US")
    with pytest.raises(InvalidMessage, match="not a whole Turkish number"):
        normalise("011 90 532 123 45 67 890", region="US")


@pytest.mark.parametrize("region", ["XX", "tr", "", "Turkey"])
def test_an_unknown_region_is_a_mistake_of_the_setup(region: str) -> None:
    with pytest.raises(ConfigurationError, match="no country"):
        normalise("0532 123 45 67", region=region)


def test_a_phone_in_a_log_is_masked() -> None:
    assert repr(parse(AHMET)) == "Phone('+90 532 *** ** 67', region='TR', valid=True)"
    assert AHMET not in f"{parse(AHMET)} {[parse(AHMET)]}"


def test_messages_do_not_load_the_library_of_numbers() -> None:
    program = "import sys, airflow_provider.engine.messages; print('phonenumbers' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
        == "False\n"
    )


digits = st.text("0123456789", min_size=1, max_size=17)
number_like = st.text(st.sampled_from("0123456789" * 3 + "+() .-/xX*eE,;#\u200e٠٥"), max_size=25)
written = st.builds(
    "".join, st.tuples(st.sampled_from(["", "0", "00", "+", "90", "+90", "0090", "+49", "+1 "]), digits)
)
separators = st.text(st.sampled_from(" -./()\u00a0"), max_size=2)


@given(st.text() | number_like | written, st.sampled_from(["TR", "DE", "US", "IT"]))
@example("1" * 5000, "TR")
@example("+" + "0" * 5000, "TR")
def test_any_text_is_a_number_or_an_invalid_message(text: str, region: str) -> None:
    try:
        phone = parse(text, region=region)
    except InvalidMessage as refusal:
        phone, said = None, str(refusal)

    if phone is None:
        assert not [run for run in re.findall(r"[0-9]{5,}", text) if run in said]
        return
    assert re.fullmatch(r"\+[1-9][0-9]{4,14}", phone.e164)
    assert normalise(text, region=region) == phone.e164
    assert parse(phone.e164, region=region) == phone
    if phone.e164.startswith("+90"):
        assert len(phone.e164) == len(AHMET)


@given(
    st.sampled_from(["", "0", "90", "+90", "0090", "900", "+900"]),
    st.from_regex(r"\A(?:[2-4]|5|5|5|8)[0-9]{9}\Z"),
    st.lists(separators, min_size=10, max_size=10),
)
def test_turkish_numbers_are_read_as_the_library_reads_them(
    prefix: str, national: str, gaps: list[str]
) -> None:
    text = prefix + "".join(digit + gap for digit, gap in zip(national, gaps, strict=True))
    expected = phonenumbers.parse(text, "TR")
    phone = parse(text)

    assert phone.e164 == phonenumbers.format_number(expected, phonenumbers.PhoneNumberFormat.E164)
    assert phone.e164 == f"+90{national}"
    assert phone.valid == phonenumbers.is_valid_number(expected)


@pytest.mark.parametrize("region", sorted(phonenumbers.SUPPORTED_REGIONS))
def test_mobile_numbers_of_every_country_are_read(region: str) -> None:
    number = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
    if number is None:  # some small territories have no example
        number = phonenumbers.example_number(region)
    spaced = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)

    assert parse(spaced) == Phone(e164, region=phonenumbers.region_code_for_number(number), valid=True)
    assert normalise("00" + e164[1:]) == e164
    assert (
        normalise(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL), region=region)
        == e164
    )
