"""The vendors' calls back to their customer: VatanSMS's report and BaslikliSMS's webhook."""

from __future__ import annotations

import asyncio
import http.client
import ipaddress
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import SplitResult, urlsplit

from airflow_provider.sandbox.store import Message, Store

TIMEOUT = 5.0
AT_ONCE = 8


class Caller(Protocol):
    """A vendor that calls back."""

    def callback(self, message: Message) -> tuple[dict[str, object], dict[str, str]]:
        """Return payload and headers for a message that is final."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a vendor calls, and what its request carries beside the vendor's own headers."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)


class Callbacks:
    """Posts one callback for every message that becomes final, once, with no retry: no document names one."""

    def __init__(self, store: Store, callers: Mapping[str, Caller]) -> None:
        self._store = store
        self._callers = callers
        self._targets: dict[str, Target] = {}
        self._queue: asyncio.Queue[Message] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def set(self, vendor: str, target: Target | None) -> None:
        """Call `vendor`'s callbacks to this target from now on, or nowhere."""
        if target is None:
            self._targets.pop(vendor, None)
        else:
            self._targets[vendor] = target

    def reset(self) -> None:
        """Call nobody."""
        self._targets.clear()

    def final(self, message: Message) -> None:
        """Queue the callback of a message, from any thread, if its vendor has somewhere to call."""
        if message.vendor in self._targets and self._loop is not None and self._queue is not None:
            self._loop.call_soon_threadsafe(self._queue.put_nowait, message)

    async def run(self) -> None:
        """Post what is queued, a few at once, until cancelled."""
        self._loop, self._queue = asyncio.get_running_loop(), asyncio.Queue()
        try:
            async with asyncio.TaskGroup() as tasks:
                for _ in range(AT_ONCE):
                    tasks.create_task(self._work(self._queue))
        finally:
            self._loop = self._queue = None

    async def _work(self, queue: asyncio.Queue[Message]) -> None:
        while True:
            message = await queue.get()
            target = self._targets.get(message.vendor)
            if target is None:
                continue
            payload, headers = self._callers[message.vendor].callback(message)
            body = json.dumps(payload, ensure_ascii=False).encode()
            # http.client in a thread, and not httpx, which would write the receiver's secret path to a log.
            outcome = await asyncio.to_thread(_post, target.url, {**headers, **target.headers}, body)
            message.callbacks = (*message.callbacks, (self._store.clock(), outcome))
            self._store.on_change({"kind": "callback", "vendor": message.vendor, "id": message.id})


def _post(url: str, headers: Mapping[str, str], body: bytes) -> str:
    """Post JSON and return "HTTP 200", or what went wrong."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=TIMEOUT)
    try:
        connection.request(
            "POST",
            _target(parts),
            body,
            {"Content-Type": "application/json", **headers, "Connection": "close"},
        )
        return f"HTTP {connection.getresponse().status}"
    except (OSError, http.client.HTTPException) as exc:
        return f"failed: {type(exc).__name__}"
    finally:
        connection.close()


def _target(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def is_loopback(host: str) -> bool:
    """Tell whether a host name or address means this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
