"""Numbers as TurkeySMS wants them: digits with the country's code, without a plus."""

from __future__ import annotations

import re

import phonenumbers

TURKEY = "Turkey-TR"
TURKISH_MOBILE = re.compile(r"905[0-9]{9}")
TEN_DIGITS = re.compile(r"5[0-9]{9}")
ABROAD = re.compile(r"(?!0|90)[0-9]{8,15}")
# Names to go with "Turkey-TR", the only one that the seed shows; phonenumbers takes seconds to load all of them.
COUNTRIES = {
    "AZ": "Azerbaijan",
    "DE": "Germany",
    "FR": "France",
    "GB": "United Kingdom",
    "IQ": "Iraq",
    "NL": "Netherlands",
    "SA": "Saudi Arabia",
    "SY": "Syria",
    "US": "United States",
}
OPERATORS = (("53", "Turkcell"), ("54", "Vodafone"), ("50", "Turk Telekom"), ("55", "Turk Telekom"))


def country_of(written: str) -> str | None:
    """Return a number's country as the vendor spells it, or None for what is no number to send to."""
    if TURKISH_MOBILE.fullmatch(written):
        return TURKEY
    # Ten digits from 5 are a Turkish number without its country; read as they stand they would be Cuban.
    if not ABROAD.fullmatch(written) or TEN_DIGITS.fullmatch(written):
        return None
    try:
        number = phonenumbers.parse(f"+{written}")
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    region = phonenumbers.region_code_for_number(number) or "ZZ"
    return f"{COUNTRIES.get(region, region)}-{region}"


def operator_of(number: str) -> str:
    """Return the operator to whom a number in E.164 was first given."""
    if not number.startswith("+90"):
        return "International"
    return next((name for prefix, name in OPERATORS if number.startswith(f"+90{prefix}")), "Turkcell")
