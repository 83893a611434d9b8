"""Read telephone numbers as people write them, and return them as E.164 (``+905321234567``).

Turkish numbers are recognised by their shape: ten digits after ``0``, ``90``, ``0090``, ``+90`` or nothing.
Everything else needs ``+`` or ``00`` and a country code, since ``4915123456789`` would otherwise be taken for
a number in Turkey; ``phonenumbers`` reads those. Whether a number is *valid*, that is in a range that is known to be
in use, is reported and never enforced: new ranges precede the library, and the vendors' documents use numbers
such as 905111111111 (``003_16bce886d04cf347.txt``).

Letters are refused before anything is read: the library would turn them into keypad digits, so that the masked
``0532XXXXXXX`` of a vendor's webhook (``000_b11aee7f3ab90066.txt``) became the number of a stranger. Digits of
other scripts (``٠٥٣٢``) are as clear as ours and become ours. No error shows a whole number.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import NoReturn

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, ValidationResult

from airflow_provider.engine.errors import ConfigurationError, InvalidMessage
from airflow_provider.engine.redaction import mask

__all__ = ["Phone", "normalise", "parse"]


@dataclass(frozen=True, slots=True, repr=False)
class Phone:
    """A telephone number that a message can be addressed to. Its ``repr`` is masked.

    Attributes:
        e164: The number as ``+`` and digits.
        region: The country as two letters, for example ``TR``; None where the number belongs to none, or where
            it is not valid and several countries share its code.
        valid: Whether the library knows the number's range to be in use. False is worth a warning, not a refusal.
    """

    e164: str
    region: str | None
    valid: bool

    def __repr__(self) -> str:
        return f"Phone({mask(self.e164)!r}, region={self.region!r}, valid={self.valid})"


def parse(text: str, *, region: str = "TR") -> Phone:
    """Read one telephone number and say what is known of it.

    Args:
        text: The number as written, with any spaces, brackets, dots, dashes or slashes, or as a ``tel:`` address.
        region: The country, as two letters, of numbers written without a country code.

    Raises:
        InvalidMessage: The text is not one whole telephone number; the sentence says why and what to write.
        ConfigurationError: The region is not one that the library knows.
    """
    e164 = normalise(text, region=region)
    if e164.startswith("+90"):
        # Reading it once more would take twice as long as judging it.
        number = phonenumbers.PhoneNumber(country_code=90, national_number=int(e164[3:]))
    else:
        number = phonenumbers.parse(e164)
    country = phonenumbers.region_code_for_number(number)
    return Phone(
        e164,
        region=None if country == phonenumbers.REGION_CODE_FOR_NON_GEO_ENTITY else country,
        valid=phonenumbers.is_valid_number(number),
    )


# A bare 90 with eight digits is a number cut short, not ten digits that begin with 905.
_TURKISH = re.compile(r"(?:(?:\+|00)?900?|0)([1-9][0-9]{9})|((?!90)[1-9][0-9]{9})")

_TURKISH_EXAMPLE = "0532 123 45 67"


def normalise(text: str, *, region: str = "TR") -> str:
    """Return one telephone number as E.164. Arguments and errors are those of :func:`parse`."""
    if region not in phonenumbers.SUPPORTED_REGIONS:
        raise ConfigurationError(
            f"The region of telephone numbers is {region!r}, and that is no country.",
            advice="Give it as two capital letters, for example TR.",
        )
    number = text if text.isascii() and text.isdigit() else _compact(text)
    international = number.startswith(("+", "00"))
    if international or region == "TR":
        if turkish := _TURKISH.fullmatch(number):
            return f"+90{turkish[1] or turkish[2]}"
        if not international or number.startswith(("+90", "0090")):
            _refuse_turkish(number)
    return _read_abroad(number, None if international else region)


_EDGES = " \t\r\n\u00a0\"'`’‘“”,;"  # what lists and spreadsheets leave around a value
_SEPARATORS = dict.fromkeys(
    [
        *map(ord, " \t\r\n\v\f\u00a0\u1680\u202f\u205f\u3000"),
        *map(ord, "()[].-/‐‑‒–—―−"),
        *range(0x2000, 0x200B),  # spaces of every width
        # Marks without a shape; address books and chats wrap numbers in them to keep their direction.
        *map(ord, "\u00ad\u2060\ufeff"),
        *range(0x200B, 0x2010),
        *range(0x202A, 0x202F),
        *range(0x2066, 0x206A),
    ]
)
_COMPACT = re.compile(r"\+?[0-9]+")
_SHORTENED = re.compile(r"\+?[0-9](?:[.,][0-9]+)?[eE]\+?[0-9]{1,2}")
_FLOAT = re.compile(r"(\+?[0-9]+)[.,]0")  # pandas writes a column with a gap like this; no digit is lost


def _compact(text: str) -> str:
    """Return a number as digits, after a + where it has one, without what people write between and around them."""
    text = text.strip(_EDGES)
    if text[:4].lower() == "tel:":
        text = text[4:].strip(_EDGES)
    if _SHORTENED.fullmatch(text):
        raise InvalidMessage(
            "A spreadsheet has turned the number into the form 9,05E+11, and its last digits are lost.",
            advice="Format the column as text, enter or import the numbers again, and export it anew.",
        )
    if whole := _FLOAT.fullmatch(text):
        text = whole[1]
    number = text.translate(_SEPARATORS)
    if not number.isascii():
        number = "".join(
            str(unicodedata.decimal(c)) if c.isdecimal() else c for c in number.replace("＋", "+")
        )
    if not _COMPACT.fullmatch(number):
        _refuse_characters(number)
    return number


_EXTENSION = re.compile(r"(?:ext|extn|extension|dahili|x|#|;ext=)[:=]?[0-9]{1,6}", re.IGNORECASE)
_MASKS = frozenset("Xx*•●…#_")


def _refuse_characters(number: str) -> NoReturn:
    shown = _shown(number)
    strange = [c for c in number if c not in "+0123456789"]
    advice = f"Write the digits only, for example {_TURKISH_EXAMPLE}."
    if not any(c.isdigit() for c in number):
        raise InvalidMessage("There are no digits where a telephone number belongs.", advice=advice)
    if len(strange) > 2 and _MASKS.issuperset(strange):
        raise InvalidMessage(
            f"The number {shown} is masked: some of its digits are hidden.", advice="Give the whole number."
        )
    if _EXTENSION.search(number):
        raise InvalidMessage(
            f"The number {shown} has an extension, and an extension receives no messages.",
            advice="Give a number that can be reached directly.",
        )
    if any(c.isalpha() for c in strange):
        raise InvalidMessage(
            f"The number {shown} contains letters; on a keypad they would dial somebody else.", advice=advice
        )
    if strange:
        raise InvalidMessage(
            f"The number {shown} contains {strange[0]!r}, which belongs to no telephone number.",
            advice=f"Give one number at a time. {advice}",
        )
    raise InvalidMessage(
        f"The number {shown} has a + that is not at its beginning.",
        advice=f"Give one number at a time. {advice}",
    )


def _refuse_turkish(number: str) -> NoReturn:
    shown = _shown(number)
    if number.startswith(("0", "90", "+90")) or len(number) < 10:
        raise InvalidMessage(
            f"The number {shown} is not a whole Turkish number: those have ten digits after 0 or +90.",
            advice=f"Write it as, for example, {_TURKISH_EXAMPLE}.",
        )
    raise InvalidMessage(
        f"The number {shown} is neither Turkish, with ten digits after 0 or +90, nor does it begin with + or 00 "
        "and a country code.",
        advice=f"Write a number abroad as +{shown}, and a Turkish one as, for example, {_TURKISH_EXAMPLE}.",
    )


_FAULTS = {
    NumberParseException.INVALID_COUNTRY_CODE: "does not begin with the code of a country",
    NumberParseException.TOO_LONG: "has too many digits",
}
_LENGTH_FAULTS = {
    ValidationResult.INVALID_COUNTRY_CODE: "does not begin with the code of a country",
    ValidationResult.TOO_LONG: "has too many digits for its country",
    ValidationResult.INVALID_LENGTH: "has a length that no number of its country has",
    ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "lacks its area code",
}


def _read_abroad(number: str, region: str | None) -> str:
    """Return a number that is not Turkish as E.164; ``region`` is the country of one without a country code."""
    fault = None
    e164 = f"+{number[2:]}" if number.startswith("00") else number
    try:
        parsed = phonenumbers.parse(e164, region)
    except NumberParseException as error:
        fault = _FAULTS.get(error.error_type, "has too few digits")
    else:
        e164 = phonenumbers.format_number(parsed, PhoneNumberFormat.E164)
        length = phonenumbers.is_possible_number_with_reason(parsed)
        if length != ValidationResult.IS_POSSIBLE:
            fault = _LENGTH_FAULTS.get(length, "has too few digits for its country")
        elif len(e164) > 16:
            fault = "has more than the fifteen digits that a number may have"
        # The library takes off one zero after a country code. Where there are more, its answer would read as yet
        # another number.
        elif e164 != number and normalise(e164) != e164:
            fault = "can be read in two ways: it has too many zeros after its country code"
    if fault:
        raise InvalidMessage(
            f"The number {_shown(number)} {fault}.",
            advice="Write + and the country code, and then the number as it is dialled from abroad.",
        )
    return e164


def _shown(number: str) -> str:
    """Return enough of a number that cannot be read to find it in a list: at most four digits and the last two."""
    plus, digits = number[:1] == "+", "".join(c if c.isdecimal() else "*" for c in number.removeprefix("+"))
    head, tail = min(4, len(digits) // 3), min(2, len(digits) // 4)
    hidden = len(digits) - head - tail
    return f"{'+' * plus}{digits[:head]}{'*' * min(hidden, 12)}{digits[len(digits) - tail :]}"
