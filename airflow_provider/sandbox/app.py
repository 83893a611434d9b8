"""The sandbox as one ASGI application: five vendors, the control plane and the pages."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from starlette.applications import Starlette

from airflow_provider.sandbox import control, pages
from airflow_provider.sandbox.argepanel import ArgePanel
from airflow_provider.sandbox.basliklisms import BaslikliSms
from airflow_provider.sandbox.bulutfon import Bulutfon
from airflow_provider.sandbox.callbacks import Callbacks
from airflow_provider.sandbox.changes import RESET, Changes
from airflow_provider.sandbox.door import Arrivals, Door, Scope
from airflow_provider.sandbox.faults import Faults, Receive, Send
from airflow_provider.sandbox.store import Clock, Store
from airflow_provider.sandbox.turkeysms import TurkeySms
from airflow_provider.sandbox.vatansms import VatanSms
from airflow_provider.sandbox.wire import StandIn

TICK = 0.05


class SandboxApp:
    """All of one sandbox; several can live in one process.

    Attributes:
        loopback_only: Whether callbacks may go to this machine alone.
    """

    def __init__(self, clock: Clock, *, loopback_only: bool = True) -> None:
        self.loopback_only = loopback_only
        self.store = Store(clock)
        self.faults = Faults()
        self.changes = Changes()
        self.arrivals = Arrivals()
        self._closing: asyncio.Event | None = None
        self.vatansms = VatanSms(self.store, self.pause)
        basliklisms = BaslikliSms(self.store, self.pause)
        stand_ins: list[StandIn] = [
            TurkeySms(self.store, self.pause),
            basliklisms,
            Bulutfon(self.store, self.pause),
            ArgePanel(self.store, self.pause),
            self.vatansms,
        ]
        self.vendors = {vendor.key: vendor for vendor in stand_ins}
        self.callbacks = Callbacks(self.store, {each.key: each for each in (basliklisms, self.vatansms)})
        self.store.on_change = self.changes.tell
        self.store.on_final = self.callbacks.final
        self._door = Door(self.store, self.faults, self.arrivals, self.pause)
        self._site = Starlette(routes=[*control.routes(self), *pages.routes()], lifespan=self._lifespan)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; the first segment of its path names the vendor."""
        vendor = self.vendors.get(scope["path"].split("/", 2)[1]) if scope["type"] == "http" else None
        if vendor is not None:
            await self._door.answer(vendor, scope, receive, send)
        else:
            await self._site(scope, receive, send)

    def reset(self) -> None:
        """Put everything back to how it was at the start."""
        self.store.reset()
        self.faults.replace(())
        self.callbacks.reset()
        self.arrivals.clear()
        for vendor in self.vendors.values():
            vendor.reset()
        self.changes.tell(RESET)

    async def pause(self, seconds: float) -> bool:
        """Wait so many seconds, or until the sandbox closes, which it tells."""
        if self._closing is None:
            return True
        with suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), None if seconds == math.inf else seconds)
        return self._closing.is_set()

    def close(self) -> None:
        """End everything that waits; to be called in the server's loop."""
        self.changes.end()
        if self._closing is not None:
            self._closing.set()

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        self._closing = asyncio.Event()
        tasks = [asyncio.create_task(self._tick()), asyncio.create_task(self.callbacks.run())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _tick(self) -> None:
        while not await self.pause(TICK):
            self.store.settle()
