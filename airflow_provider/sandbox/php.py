"""PHP's `print_r`, in which TurkeySMS answers unless asked for JSON."""

from __future__ import annotations

from collections.abc import Mapping


def print_r(value: object, indent: int = 0) -> str:
    """Write `value` as PHP's print_r does, but booleans as words, as the vendor's document prints them."""
    if isinstance(value, Mapping):
        pairs = [(str(key), item) for key, item in value.items()]
    elif isinstance(value, list | tuple):
        pairs = [(str(place), item) for place, item in enumerate(value)]
    elif isinstance(value, bool):
        return "true" if value else "false"
    else:
        return "" if value is None else str(value)
    margin = " " * indent
    lines = [f"{margin}    [{key}] => {print_r(item, indent + 8)}\n" for key, item in pairs]
    return f"Array\n{margin}(\n{''.join(lines)}{margin})\n"
