"""Keep secrets and people out of whatever is printed, logged or raised.

One place for every mask, so that a number looks the same in a log line, an error, a receipt and a page.
It imports nothing of the engine: everything above may use it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["HIDDEN", "mask", "scrub"]

HIDDEN = "***"

_EMAIL = re.compile(r"[\w.+'-]+@[\w-]+(?:\.[\w-]+)+")
_NUMBER = re.compile(r"(?<![0-9A-Za-z])\+?\d(?:[ .()-]{0,2}\d){9,14}(?![0-9A-Za-z])")


def mask(address: str) -> str:
    """Return a recipient as people may see it: ``+90 532 *** ** 67``, ``a***@example.com``.

    Anything that is neither a number nor an e-mail address is hidden whole.
    """
    if "@" in address:
        name, _, domain = address.rpartition("@")
        return f"{name[:1]}{HIDDEN}@{domain}"
    digits = "".join(c for c in address if c.isascii() and c.isdigit())
    if len(digits) < 8:
        return HIDDEN
    if digits.startswith("90") and len(digits) == 12:
        return f"+90 {digits[2:5]} *** ** {digits[-2:]}"
    return f"+{digits[:2]} *** ** {digits[-2:]}"


def scrub(text: str, secrets: Iterable[str] = ()) -> str:
    """Return somebody else's text with known secrets, numbers and e-mail addresses taken out.

    For words that come from a vendor or a library, which may echo what they were sent. A run of ten to
    fifteen digits counts as a number; a message id of that length is masked too, which costs little.
    """
    for secret in secrets:
        if len(secret) > 3:
            text = text.replace(secret, HIDDEN)
    text = _EMAIL.sub(lambda found: mask(found.group()), text)
    return _NUMBER.sub(lambda found: mask(found.group()), text)
