r"""Count what an SMS costs before it is sent, and name the characters that make it dearer.

A segment carries 140 bytes. What fits into them depends on the dearest character of the text: on the GSM 7-bit
alphabet of 3GPP TS 23.038 (section 6.2.1), the Turkish tables of the same document (A.2.1 single shift, A.3.1
locking shift), or UCS-2. Turkish operators also append a code of their own to every bulk message (BTK decision
2016/DK-YED/211), so that 156 plain characters already cost two segments.

=====================  =====  =======  =====================================================
alphabet               alone  of many  what takes two units
=====================  =====  =======  =====================================================
GSM 7-bit              160    153      ``^ { } \ [ ~ ] | €`` and the form feed
Turkish single shift   155    149      the same, and ``ç ğ ı ş Ğ İ Ş``
Turkish locking shift  152    146      the same without ``€``; the Turkish letters take one
UCS-2                  70     67       whatever UTF-16 writes as a pair, such as most emoji
=====================  =====  =======  =====================================================

A count is an estimate: what the vendor charges is recorded beside it.
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["OPERATOR_SUFFIX", "Encoding", "Segmentation", "measure"]

OPERATOR_SUFFIX = 5
"""Units that the operator's code takes at the end of a message: a space and four characters of plain GSM."""


class Encoding(StrEnum):
    """How a text travels; of two that cost the same, the earlier is chosen."""

    GSM7 = "gsm7"
    TURKISH_SINGLE = "turkish_single"
    TURKISH_LOCKING = "turkish_locking"
    UCS2 = "ucs2"


@dataclass(frozen=True, slots=True)
class Segmentation:
    """What a text comes to as an SMS.

    Attributes:
        text: The text in Unicode's composed form (NFC): what was measured, and what should be sent.
        encoding: The cheapest of the allowed encodings that has every character of the text.
        units: Septets (UCS-2: UTF-16 code units) of the text, without the operator's suffix.
        segments: How many messages the operator counts, with the suffix where it is reserved; at least 1.
        parts: The text of each segment; joined, they are the text. Where the suffix needs a segment more than
            the text does by itself, the last part may be empty.
        capacity: Units of one segment at this count, for example 160 for one and 153 for several.
        forcing: The distinct characters, in order of appearance, that forced an encoding dearer than GSM7: those
            that no cheaper allowed encoding has.
        suffix_reserved: Whether room for the operator's suffix is counted.
        note: The cost and its reason, for people: ``2 segments, UCS-2 because of “â”``.
    """

    text: str
    encoding: Encoding
    units: int
    segments: int
    parts: tuple[str, ...]
    capacity: int
    forcing: tuple[str, ...]
    suffix_reserved: bool
    note: str


@dataclass(frozen=True, slots=True)
class _Alphabet:
    encoding: Encoding
    title: str
    alone: int
    of_many: int
    characters: frozenset[str]
    # Those of them that take two septets: the escape, then the code in the shift table.
    escaped: frozenset[str]


# TS 23.038, 6.2.1, in code order. 0x1B is the escape itself: a character of no text.
_DEFAULT = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = frozenset("\f^{}\\[~]|€")
_TURKISH = frozenset("çğışĞİŞ")
_LOCKED_OUT = frozenset("èìØøÆæ¡¿")  # A.3.1 gives their eight places to the Turkish letters and the euro

_GSM7 = _Alphabet(Encoding.GSM7, "GSM 7-bit", 160, 153, _DEFAULT | _EXTENSION, _EXTENSION)
_SINGLE = _Alphabet(
    Encoding.TURKISH_SINGLE,
    "Turkish single shift",
    155,
    149,
    characters=_DEFAULT | _EXTENSION | _TURKISH,
    escaped=_EXTENSION | _TURKISH,
)
_LOCKING = _Alphabet(
    Encoding.TURKISH_LOCKING,
    "Turkish locking shift",
    152,
    146,
    characters=_DEFAULT - _LOCKED_OUT | _EXTENSION | _TURKISH,
    escaped=_EXTENSION - {"€"},
)
_UCS2 = _Alphabet(Encoding.UCS2, "UCS-2", 70, 67, characters=frozenset(), escaped=frozenset())

_EVERY_ENCODING = frozenset(Encoding)


def measure(
    text: str, *, reserve_suffix: bool = True, allowed: Collection[Encoding] = _EVERY_ENCODING
) -> Segmentation:
    """Return how many segments a text costs, in the cheapest allowed encoding that has all its characters.

    The cheapest has the fewest segments; of equals, the earlier in :class:`Encoding` is taken. Text that the plain
    GSM alphabet has stays in it, since every telephone can show that. Text that no allowed encoding has is counted
    as UCS-2, allowed or not. An empty text is one segment of no units: whatever is sent is paid for.

    Args:
        text: The text as written. It is composed to NFC first: a ``g`` with a combining breve would cost UCS-2.
        reserve_suffix: Whether to keep room for the five characters that Turkish operators append.
        allowed: The encodings that the account's vendor offers.

    Raises:
        ValueError: The text holds half of a surrogate pair, which nothing can carry.
    """
    return _measure(text, OPERATOR_SUFFIX if reserve_suffix else 0, frozenset(allowed))


# Dispatch counts the cost and the vendor chooses the encoding of the same text, and a campaign has one text for many.
@functools.lru_cache(maxsize=128)
def _measure(text: str, suffix: int, allowed: frozenset[Encoding]) -> Segmentation:
    text = unicodedata.normalize("NFC", text)
    characters = set(text)
    if characters <= _GSM7.characters and Encoding.GSM7 in allowed:
        return _lay_out(text, _GSM7, characters & _GSM7.escaped, forcing=(), suffix=suffix)

    # Where seven bits do, UCS-2 never costs less: even a text of escapes alone has 73 to a segment, against 67.
    turkish = [alphabet for alphabet in (_SINGLE, _LOCKING) if alphabet.encoding in allowed]
    forcing = _in_order(characters - _GSM7.characters, text)
    layouts = [
        _lay_out(text, alphabet, characters & alphabet.escaped, forcing=forcing, suffix=suffix)
        for alphabet in turkish
        if characters <= alphabet.characters
    ]
    if layouts:
        return min(layouts, key=lambda layout: layout.segments)

    _refuse_halves(characters)
    if unknown := characters.difference(_GSM7.characters, *(alphabet.characters for alphabet in turkish)):
        forcing = _in_order(unknown, text)
    pairs = {character for character in characters if character > "\uffff"}
    return _lay_out(text, _UCS2, pairs, forcing=forcing, suffix=suffix)


def _lay_out(
    text: str, alphabet: _Alphabet, double: Collection[str], *, forcing: tuple[str, ...], suffix: int
) -> Segmentation:
    """Cut a text for one alphabet; ``double`` are the text's characters that take two units there."""
    units = len(text) + sum(map(text.count, double))
    parts: tuple[str, ...] = (text,)
    if units + suffix <= alphabet.alone:
        capacity, without_suffix = alphabet.alone, 1
    else:
        capacity = alphabet.of_many
        parts, room = _cut(text, capacity, double)
        without_suffix = 1 if units <= alphabet.alone else len(parts)
        if room < suffix:
            parts += ("",)
    segments = len(parts)
    note = f"{segments} segment{'s' * (segments > 1)}, {alphabet.title}"
    if forcing:
        note += f" because of {_named(forcing)}"
    if segments > without_suffix:
        note += ", one of them for the operator's suffix"
    return Segmentation(
        text=text,
        encoding=alphabet.encoding,
        units=units,
        segments=segments,
        parts=parts,
        capacity=capacity,
        forcing=forcing,
        suffix_reserved=suffix > 0,
        note=note,
    )


# Stands before a character of two units while a text is cut; no text that is cut contains a surrogate.
_FIRST_HALF = "\ud800"


def _cut(text: str, capacity: int, double: Collection[str]) -> tuple[tuple[str, ...], int]:
    """Return the parts of a text, none of which ends within a character, and the room left in the last."""
    marked = text.translate({ord(c): _FIRST_HALF + c for c in double}) if double else text
    parts = []
    start = end = 0
    while end < len(marked):
        start, end = end, end + capacity
        if marked[end - 1 : end] == _FIRST_HALF:
            end -= 1
        parts.append(marked[start:end].replace(_FIRST_HALF, ""))
    return tuple(parts), capacity - (len(marked) - start)


def _in_order(characters: Iterable[str], text: str) -> tuple[str, ...]:
    return tuple(sorted(characters, key=text.index))


def _named(characters: tuple[str, ...]) -> str:
    names = [_name(character) for character in characters[:5]]
    rest = len(characters) - len(names)
    return ", ".join(names) + (f" and {rest} more" if rest else "")


def _name(character: str) -> str:
    """Return a character in quotes, or its Unicode name where it would not show by itself."""
    if character.isprintable() and not unicodedata.category(character).startswith("M"):
        return f"“{character}”"
    return f"U+{ord(character):04X} {unicodedata.name(character, '')}".rstrip()


def _refuse_halves(characters: Iterable[str]) -> None:
    halves = sorted(character for character in characters if "\ud800" <= character <= "\udfff")
    if halves:
        raise ValueError(
            f"The text holds half of a surrogate pair (U+{ord(halves[0]):04X}), which no message can carry; "
            "it was decoded wrongly somewhere, so read it again from its source as UTF-8."
        )
