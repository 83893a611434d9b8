"""What a text costs, checked by hand, against the codecs of gsmcodecs and against smsutil's splitting."""

from __future__ import annotations

import unicodedata

import gsmcodecs  # noqa: F401 - registers the gsm23.038 codecs
import pytest
import smsutil
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider.engine.segments import Encoding, measure

GSM7, SINGLE, LOCKING, UCS2 = Encoding
CODECS = {GSM7: "gsm23.038-0-0", SINGLE: "gsm23.038-0-1", LOCKING: "gsm23.038-1-1", UCS2: "utf-16-be"}
ALONE = {GSM7: 160, SINGLE: 155, LOCKING: 152, UCS2: 70}
OF_MANY = {GSM7: 153, SINGLE: 149, LOCKING: 146, UCS2: 67}

# The tables of the specification stay within the first plane.
EVERY_CHARACTER = [chr(c) for c in range(0x10000) if not 0xD800 <= c <= 0xDFFF]


def units_by_the_codec(text: str, encoding: Encoding) -> int | None:
    try:
        encoded = text.encode(CODECS[encoding])
    except UnicodeEncodeError:
        return None
    return len(encoded) // (2 if encoding is UCS2 else 1)


REPERTOIRE = {
    encoding: "".join(c for c in EVERY_CHARACTER if units_by_the_codec(c, encoding))
    for encoding in (GSM7, SINGLE, LOCKING)
}


def texts(alphabet: str) -> st.SearchStrategy[str]:
    """Text of some segments: hypothesis by itself rarely writes more than a few words."""
    words = st.text(st.sampled_from(alphabet), max_size=40)
    return st.builds(
        lambda start, word, times, end: start + word * times + end, words, words, st.integers(0, 40), words
    )


gsm_text = texts(REPERTOIRE[GSM7])
turkish_text = texts(REPERTOIRE[SINGLE])
prose = texts("abcçdefgğhıijklmnoöprsştuüvyzÇĞİÖŞÜ 0123456789.,\n{}~")
wide_text = texts("aâçğ€{👍🏽\u200d❤\ufe0f şz")
any_text = st.text() | turkish_text | prose | wide_text
reserve = st.booleans()


@pytest.mark.parametrize(
    ("text", "encoding", "units", "segments"),
    [
        ("a" * 155, GSM7, 155, 1),
        ("a" * 156, GSM7, 156, 2),
        ("a" * 301, GSM7, 301, 2),
        ("a" * 302, GSM7, 302, 3),
        ("a" * 454, GSM7, 454, 3),
        ("a" * 455, GSM7, 455, 4),
        ("a" * 607, GSM7, 607, 4),
        ("a" * 608, GSM7, 608, 5),
        ("ş" + "a" * 148, SINGLE, 150, 1),
        ("ş" + "a" * 291, SINGLE, 293, 2),
        ("ş" + "a" * 440, SINGLE, 442, 3),
        ("ş" + "a" * 589, SINGLE, 591, 4),
        ("ş" * 75, SINGLE, 150, 1),
        ("ş" * 76, LOCKING, 76, 1),
        ("ş" * 147, LOCKING, 147, 1),
        ("ş" * 148, LOCKING, 148, 2),
        ("ş" * 287, LOCKING, 287, 2),
        ("ş" * 288, LOCKING, 288, 3),
        ("è" + "ş" * 76, SINGLE, 153, 2),
        ("â" * 65, UCS2, 65, 1),
        ("â" * 66, UCS2, 66, 2),
        ("â" * 129, UCS2, 129, 2),
        ("â" * 130, UCS2, 130, 3),
        ("👍" * 32, UCS2, 64, 1),
        ("👍" * 33, UCS2, 66, 2),
        ("Türkçe", SINGLE, 7, 1),
        ("Çok güzel, öyle: ÖÜÇ öü", GSM7, 23, 1),
        ("€", GSM7, 2, 1),
        ("{[]}\\~^|€\f", GSM7, 20, 1),
        ("{" * 77, GSM7, 154, 1),
        ("{" * 78, GSM7, 156, 2),
        ("a\r\nb", GSM7, 4, 1),
        ("a\tb", UCS2, 3, 1),
        ("`", UCS2, 1, 1),
        ("\x1b", UCS2, 1, 1),
        ("", GSM7, 0, 1),
    ],
)
def test_the_figures_of_the_market_with_the_operators_suffix(
    text: str, encoding: Encoding, units: int, segments: int
) -> None:
    measured = measure(text)

    assert (measured.encoding, measured.units, measured.segments) == (encoding, units, segments)
    assert measured.suffix_reserved


@pytest.mark.parametrize(
    ("character", "allowed", "limits"),
    [
        ("a", {GSM7}, [160, 306, 459, 612]),
        ("a", {SINGLE}, [155, 298, 447, 596]),
        ("ş", {LOCKING}, [152, 292, 438, 584]),
        ("a", {UCS2}, [70, 134, 201, 268]),
    ],
)
def test_without_the_suffix_every_segment_is_filled(
    character: str, allowed: set[Encoding], limits: list[int]
) -> None:
    for segments, limit in enumerate(limits, start=1):
        assert measure(character * limit, reserve_suffix=False, allowed=allowed).segments == segments
        assert (
            measure(character * (limit + 1), reserve_suffix=False, allowed=allowed).segments == segments + 1
        )


def test_a_suffix_that_needs_a_segment_of_its_own_leaves_the_last_part_empty() -> None:
    measured = measure("a" * 302)

    assert [len(part) for part in measured.parts] == [153, 149, 0]
    assert measured.capacity == 153
    assert measured.note == "3 segments, GSM 7-bit, one of them for the operator's suffix"


def test_an_escape_is_not_torn_from_its_character() -> None:
    # 152 letters leave one septet in the first segment; the brace needs two.
    measured = measure("a" * 152 + "{" + "a" * 100, allowed={GSM7})

    assert [len(part) for part in measured.parts] == [152, 101]
    # 305 units are two segments if only units are counted; the septet lost at the seam makes them three.
    assert measure("a" * 152 + "{" + "a" * 152, reserve_suffix=False).segments == 3


def test_an_emoji_is_not_torn_in_two() -> None:
    measured = measure("â" * 66 + "👍" + "â" * 66, reserve_suffix=False)

    assert [len(part) for part in measured.parts] == [66, 66, 1]
    assert measured.parts[1].startswith("👍")


def test_text_is_composed_before_it_is_measured() -> None:
    measured = measure(unicodedata.normalize("NFD", "İşçi ğ Å"))

    assert measured.text == "İşçi ğ Å"
    assert measured.encoding is SINGLE


def test_the_characters_that_cost_are_named() -> None:
    assert measure("Kargonuz yolda").note == "1 segment, GSM 7-bit"
    assert measure("a" * 156).note == "2 segments, GSM 7-bit, one of them for the operator's suffix"
    assert measure("a" * 161).note == "2 segments, GSM 7-bit"
    assert measure("Sipariş için teşekkürler").forcing == ("ş", "ç")
    assert measure("Sipariş").note == "1 segment, Turkish single shift because of “ş”"
    # ş alone would have been Turkish: only what no cheaper alphabet has is to blame.
    assert measure("ş kâr 👍" + "x" * 63).note == "2 segments, UCS-2 because of “â”, “👍”"
    assert measure("a\u00a0b").note == "1 segment, UCS-2 because of U+00A0 NO-BREAK SPACE"
    assert measure("a\tb").note == "1 segment, UCS-2 because of U+0009"
    assert measure("❤\ufe0f").note == "1 segment, UCS-2 because of “❤”, U+FE0F VARIATION SELECTOR-16"
    assert measure("абвгдежз").note == "1 segment, UCS-2 because of “а”, “б”, “в”, “г”, “д” and 3 more"


def test_only_allowed_encodings_are_chosen() -> None:
    assert measure("ş" * 80, allowed={GSM7, SINGLE, UCS2}).encoding is SINGLE
    assert measure("ş" * 80, allowed={GSM7, SINGLE, UCS2}).segments == 2
    assert measure("ş", allowed=[GSM7, LOCKING, UCS2]).encoding is LOCKING
    assert measure("ş", allowed=(GSM7, UCS2)).encoding is UCS2
    assert measure("ş", allowed=(GSM7, UCS2)).forcing == ("ş",)
    assert measure("plain", allowed={UCS2}).note == "1 segment, UCS-2"
    # Plain GSM has no ş and locking shift no è: without single shift it takes UCS-2, and the Turkish letter is named.
    assert measure("èş", allowed={GSM7, LOCKING, UCS2}).encoding is UCS2
    assert measure("èş", allowed={GSM7, LOCKING, UCS2}).forcing == ("ş",)


def test_ucs2_carries_what_nothing_allowed_carries() -> None:
    assert measure("â", allowed={GSM7}).encoding is UCS2
    assert measure("a", allowed=()).encoding is UCS2


def test_half_a_surrogate_pair_is_refused_with_a_sentence() -> None:
    with pytest.raises(ValueError, match=r"half of a surrogate pair \(U\+D83D\)"):
        measure("hello \ud83d")


@pytest.mark.parametrize("encoding", [GSM7, SINGLE, LOCKING])
def test_the_tables_are_those_of_the_specification(encoding: Encoding) -> None:
    for character in EVERY_CHARACTER:
        if unicodedata.normalize("NFC", character) != character:
            continue
        measured = measure(character, allowed={encoding})
        units = units_by_the_codec(character, encoding)
        assert (measured.encoding is encoding) == (units is not None), f"U+{ord(character):04X}"
        if units is not None:
            assert measured.units == units, f"U+{ord(character):04X}"


@given(any_text, reserve)
def test_the_parts_are_the_text_and_fit(text: str, reserve_suffix: bool) -> None:
    measured = measure(text, reserve_suffix=reserve_suffix)
    sizes = [units_by_the_codec(part, measured.encoding) for part in measured.parts]

    assert "".join(measured.parts) == measured.text == unicodedata.normalize("NFC", text)
    assert len(measured.parts) == measured.segments
    assert None not in sizes  # a torn pair does not encode, nor does a character that the alphabet lacks
    assert sum(sizes) == measured.units == units_by_the_codec(measured.text, measured.encoding)
    assert max(sizes) <= measured.capacity
    assert measured.capacity == (ALONE if measured.segments == 1 else OF_MANY)[measured.encoding]
    assert set(measured.forcing) <= set(measured.text) - set(REPERTOIRE[GSM7])
    assert bool(measured.forcing) == (measured.encoding is not GSM7)


@given(gsm_text)
def test_smsutil_splits_plain_text_alike(text: str) -> None:
    measured = measure(text, reserve_suffix=False)
    expected = smsutil.split(measured.text) if measured.text else None

    assert measured.encoding is GSM7
    if expected:
        assert list(measured.parts) == [part.content for part in expected.parts]
        assert measured.units == expected.total_bytes


@given(wide_text)
def test_smsutil_splits_unicode_alike(text: str) -> None:
    measured = measure(text, reserve_suffix=False, allowed={UCS2})
    if measured.text:
        expected = smsutil.unicode_split(measured.text)
        assert list(measured.parts) == [part.content for part in expected.parts]
        assert measured.units * 2 == expected.total_bytes


@given(turkish_text | prose | wide_text, reserve)
def test_the_choice_costs_least(text: str, reserve_suffix: bool) -> None:
    chosen = measure(text, reserve_suffix=reserve_suffix)
    singly = [measure(text, reserve_suffix=reserve_suffix, allowed={encoding}) for encoding in Encoding]

    if (
        chosen.encoding is not GSM7
    ):  # text of the plain alphabet keeps it even where locking shift saves by the euro
        able = [one for one, encoding in zip(singly, Encoding, strict=True) if one.encoding is encoding]
        cheapest = min(able, key=lambda one: one.segments)
        assert (chosen.encoding, chosen.segments, chosen.parts) == (
            cheapest.encoding,
            cheapest.segments,
            cheapest.parts,
        )


@given(prose, st.sampled_from("aş{â👍"), reserve)
def test_more_text_never_costs_less(text: str, more: str, reserve_suffix: bool) -> None:
    before = measure(text, reserve_suffix=reserve_suffix)
    after = measure(text + more, reserve_suffix=reserve_suffix)

    assert after.segments >= before.segments
    assert measure(text, reserve_suffix=False).segments <= before.segments


@given(st.sampled_from([GSM7, SINGLE, LOCKING, UCS2]), any_text)
def test_the_suffix_costs_what_five_plain_characters_cost(encoding: Encoding, text: str) -> None:
    with_suffix = measure(text, allowed={encoding})
    written_out = measure(with_suffix.text + " B038", reserve_suffix=False, allowed={encoding})

    assert with_suffix.segments == written_out.segments
    assert with_suffix.encoding is written_out.encoding
