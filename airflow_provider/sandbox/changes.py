"""The news of the sandbox, handed live to every page that listens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

Change = dict[str, object]
MOST_WAITING = 500
RESET: Change = {"kind": "reset"}
OVERFLOW: Change = {"kind": "overflow"}
END: Change = {"kind": "end"}


class Listener:
    """One page's queue; when it overflows, one `overflow` stands for all that was missed, resets apart."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._news: asyncio.Queue[Change] = asyncio.Queue()

    def tell(self, change: Change) -> None:
        """Hand over a change from any thread."""
        self._loop.call_soon_threadsafe(self._put, change)

    def _put(self, change: Change) -> None:
        if change is RESET:  # nothing of before matters any more, and so there is always room for it
            while not self._news.empty():
                self._news.get_nowait()
        if change is END or self._news.qsize() < MOST_WAITING:
            self._news.put_nowait(change)
        elif self._news.qsize() == MOST_WAITING:
            self._news.put_nowait(OVERFLOW)

    async def changes(self, keep_alive: float) -> AsyncIterator[Change | None]:
        """Yield changes as they come, and None after `keep_alive` seconds without any, until the end."""
        while True:
            try:
                change = await asyncio.wait_for(self._news.get(), keep_alive)
            except TimeoutError:
                yield None
                continue
            if change is END:
                return
            yield change


class Changes:
    """Hands every change to all listeners; costs next to nothing when there are none."""

    def __init__(self) -> None:
        self._listeners: tuple[Listener, ...] = ()
        self._lock = Lock()

    def tell(self, change: Change) -> None:
        """Hand a change to every listener."""
        for listener in self._listeners:
            listener.tell(change)

    def end(self) -> None:
        """Send every listener home; what is told later reaches none of them."""
        with self._lock:
            self.tell(END)
            self._listeners = ()

    @contextmanager
    def listener(self) -> Iterator[Listener]:
        """Listen while the block runs."""
        listener = Listener()
        with self._lock:
            self._listeners = (*self._listeners, listener)
        try:
            yield listener
        finally:
            with self._lock:
                self._listeners = tuple(each for each in self._listeners if each is not listener)
