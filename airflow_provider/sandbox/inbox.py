"""Messages as the control plane shows them, with every credential taken out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from urllib.parse import quote, quote_plus

from airflow_provider.sandbox.store import Exchange, Message, iso

REDACTED = "[redacted]"


def summary(message: Message, now: float) -> dict[str, object]:
    """Return what the list shows of a message."""
    return {
        "id": message.id,
        "vendor": message.vendor,
        "channel": message.channel,
        "to": message.to,
        "sender": message.sender,
        "text": message.text,
        "subject": message.subject,
        "html": message.html,
        "state": message.state(now),
        "credits": message.credits,
        "received_at": iso(message.received_at),
        "message_id": message.message_id,
    }


def detail(message: Message, now: float, secrets: Sequence[str]) -> dict[str, object]:
    """Return all there is of a message."""
    size = message.measured
    return {
        **summary(message, now),
        "from": message.sender if message.channel == "email" else None,
        "cc": list(message.cc),
        "bcc": list(message.bcc),
        "reply_to": list(message.reply_to),
        "encoding": None if size is None else size.encoding.value,
        "segments": None if size is None else size.segments,
        "units": None if size is None else size.units,
        "parts": None if size is None else size.parts,
        "note": None if size is None else size.note,
        "options": message.options,
        "attachment": None if message.attachment is None else asdict(message.attachment),
        "timeline": [{"state": state, "at": iso(at)} for state, at in message.timeline(now)],
        "callbacks": [{"at": iso(at), "outcome": outcome} for at, outcome in message.callbacks],
        "exchange": _shown(message.exchange, secrets),
    }


def _shown(exchange: Exchange | None, secrets: Sequence[str]) -> dict[str, object] | None:
    if exchange is None or not exchange.kept:
        return None
    response = None
    if exchange.status is not None:
        response = {
            "status": exchange.status,
            "headers": _headers(exchange.response_headers, secrets),
            "body": without(exchange.response_body.decode("utf-8", "replace"), secrets),
        }
    return {
        "request": {
            "method": exchange.method,
            "path": without(exchange.target, secrets),
            "headers": _headers(exchange.request_headers, secrets),
            "body": without(exchange.request_body.decode("utf-8", "replace"), secrets),
        },
        "response": response,
        "fault": exchange.fault,
    }


def _headers(headers: Iterable[tuple[bytes, bytes]], secrets: Sequence[str]) -> Mapping[str, str]:
    return {name.decode("latin-1"): without(value.decode("latin-1"), secrets) for name, value in headers}


def without(text: str, secrets: Sequence[str]) -> str:
    """Return `text` without any credential, however a URL or JSON may write it."""
    for secret in filter(None, secrets):
        in_json = (json.dumps(secret, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False))
        for written in {secret, quote(secret), quote(secret, safe=""), quote_plus(secret), *in_json}:
            text = text.replace(written, REDACTED)
    return text
