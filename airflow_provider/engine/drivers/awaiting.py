"""The driver for an event loop: triggers, the bot, bulk sends."""

from __future__ import annotations

import asyncio
import inspect
import io
import math
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from ssl import SSLContext
from typing import Any, TypeVar

import aiohttp
import httpx
from aiohttp.http_exceptions import ContentEncodingError
from yarl import URL

from airflow_provider.engine.account import Network
from airflow_provider.engine.drivers import failures
from airflow_provider.engine.drivers.attempts import Attempt, Reads, answer, date, play, tries
from airflow_provider.engine.drivers.blocking import Driver
from airflow_provider.engine.drivers.network import (
    ANSWER_LIMIT,
    CONNECTIONS,
    DIRECT,
    KEEP_ALIVE,
    proxy_of,
    trust,
)
from airflow_provider.engine.errors import NotSent, RateLimited
from airflow_provider.engine.exchange import Intent, Pause, Step, Work

__all__ = ["AsyncDriver"]

T = TypeVar("T")

# The others aiohttp repeats by itself when a connection breaks, a fresh one too (its client.py: IDEMPOTENT_METHODS,
# retry_persistent_connection). The fault matrix counts it.
_NEVER_REPEATED = frozenset({"POST", "PATCH"})

# aiohttp complains about more than a mebibyte of plain bytes, for it would write them in one go.
_LARGE = 2**20

_OF_AIOHTTP = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")


class AsyncDriver:
    """Plays generators on aiohttp. Belongs to the event loop in which it first runs.

    Work is done in one thread of the driver's own, the ledger's. An act or a send by any method but POST and
    PATCH goes through a :class:`Driver` in a further thread, because aiohttp repeats such requests by itself; when
    its task is cancelled, that request runs on to its end, and nobody reads its answer.

    Args:
        network: How the vendor is reached.
        reads: How stubbornly reads are repeated.
        connections: How many connections may be open at a time; further requests wait for a free one.

    Raises:
        ConfigurationError: The proxy's address is none.
    """

    def __init__(
        self, network: Network = DIRECT, *, reads: Reads | None = None, connections: int = CONNECTIONS
    ) -> None:
        self._network = network
        self._proxy = proxy_of(network)
        self._reads = reads or Reads()
        self._connections = connections
        self._blocking = Driver(network, connections=connections)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._session: aiohttp.ClientSession | None = None
        self._context: SSLContext | None = None
        self._start_threads()

    async def run(self, steps: Generator[Step, Any, T]) -> T:
        """Play a generator to its end, and return or raise what it ends with.

        What goes wrong at a step is thrown into the generator, cancellation included; it is never run again.
        Work is finished whatever happens to the task: when it is cancelled meanwhile, the generator first gets the
        work's result, then NotSent for a request that it still wants to begin, and the task ends as cancelled.
        """
        self._bind()
        cancelled = _Cancelled()
        try:
            result = await self._play(steps, cancelled)
        except Exception as error:
            if cancelled():
                raise asyncio.CancelledError from error
            if isinstance(error, RateLimited):
                date(error)
            raise
        if cancelled():
            raise asyncio.CancelledError
        return result

    async def aclose(self) -> None:
        """Close all connections, when work and requests in threads have ended. A later run opens new ones."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()
        ledger, threads = self._ledger, self._threads
        self._start_threads()
        await asyncio.to_thread(ledger.shutdown)
        await asyncio.to_thread(threads.shutdown)
        self._blocking.close()
        self._loop = None

    def _bind(self) -> None:
        loop = asyncio.get_running_loop()
        if self._loop not in (None, loop):
            raise RuntimeError("An AsyncDriver can be used in one event loop only; close it there first.")
        self._loop = loop

    def _start_threads(self) -> None:
        self._ledger = ThreadPoolExecutor(1, "ulak-ledger")
        # More threads than connections, for the wait for a free connection has a timeout, and that for a thread none.
        self._threads = ThreadPoolExecutor(2 * self._connections, "ulak-request")

    async def _play(self, steps: Generator[Any, Any, T], cancelled: Callable[[], bool]) -> T:
        # attempts.play, with a wait in it; the reasons stand there.
        reply = failure = None
        while True:
            try:
                while True:
                    step = steps.send(reply) if failure is None else steps.throw(failure)
                    reply = failure = None
                    reply = await self._perform(step, cancelled)
            except BaseException as error:
                if inspect.getgeneratorstate(steps) == inspect.GEN_CLOSED:
                    if isinstance(error, StopIteration):
                        return error.value  # type: ignore[no-any-return]
                    raise
                if isinstance(error, GeneratorExit):
                    # The event loop has let go of this coroutine, so that nothing can be awaited any more.
                    return play(steps, self._record, error)
                failure = error

    async def _perform(self, step: Step | Attempt, cancelled: Callable[[], bool]) -> Any:
        if isinstance(step, Work):
            return await self._finish(step.call)
        if isinstance(step, httpx.Request):
            return await self._play(tries(step, self._network, self._reads), cancelled)
        if isinstance(step, Pause):
            return await asyncio.sleep(step.seconds)
        if cancelled():
            raise NotSent("The task was cancelled before the request began.")
        if step.intent is Intent.READ or step.request.method in _NEVER_REPEATED:
            return await self._fetch(step)
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._blocking.fetch, step)

    async def _finish(self, call: Callable[[], Any]) -> Any:
        work = asyncio.get_running_loop().run_in_executor(self._ledger, call)
        while not work.done():
            try:
                await asyncio.wait([work])
            except asyncio.CancelledError:
                # A commit is not left halfway; the task still counts as cancelled, and run() ends so.
                continue
        return work.result()

    def _record(self, step: Step | Attempt) -> Any:
        if isinstance(step, Work):
            return self._ledger.submit(step.call).result()
        raise NotSent("The event loop ended before the request began.")

    async def _fetch(self, attempt: Attempt) -> httpx.Response | failures.Failure:
        attempt.check_start()
        request = attempt.request
        session, context = self._open(request.url.scheme)
        now = time.monotonic()
        if now >= attempt.stands_by:
            return attempt.unconnected()
        body = request.content
        status = None
        try:
            async with session.request(
                request.method,
                URL(str(request.url), encoded=True),
                headers=request.headers.multi_items(),
                data=io.BytesIO(body) if len(body) > _LARGE else body or None,
                allow_redirects=False,
                ssl=True if context is None else context,
                proxy=None if self._proxy is None else URL(str(self._proxy)),
                timeout=aiohttp.ClientTimeout(
                    total=attempt.ends - now,
                    connect=attempt.stands_by - now,
                    sock_read=attempt.read,
                    ceil_threshold=math.inf,  # it would round more than five seconds up
                ),
            ) as response:
                status = response.status
                answered = bytearray()
                while chunk := await response.content.readany():
                    answered += chunk
                    if len(answered) > ANSWER_LIMIT:
                        response.close()
                        return failures.too_long(status)
        except Exception as error:
            return self._failure(error, attempt, status)
        return answer(request, status, list(response.raw_headers), bytes(answered))

    def _failure(self, error: Exception, attempt: Attempt, status: int | None) -> failures.Failure:
        # The first three are the whitelist: aiohttp raises them only while it connects (connector.py).
        match error:
            case aiohttp.ConnectionTimeoutError():
                return attempt.unconnected()
            case aiohttp.ClientConnectorError():
                return failures.not_connected(error.__cause__)
            case aiohttp.ClientHttpProxyError():
                return failures.refused_by_proxy(error.status)
            case TimeoutError():
                return attempt.silence(status)
            case aiohttp.ClientPayloadError() if not isinstance(error.__cause__, ContentEncodingError):
                return failures.broke_off(status)
            case aiohttp.ClientPayloadError() | aiohttp.ClientResponseError():
                return failures.unreadable(status)
            case aiohttp.ClientConnectionError():
                return failures.broke_off(status)
            case _:
                return failures.unforeseen(error, status)

    def _open(self, scheme: str) -> tuple[aiohttp.ClientSession, SSLContext | None]:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._connections, keepalive_timeout=KEEP_ALIVE),
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=_OF_AIOHTTP,
                trust_env=False,
            )
        if scheme == "http" and (self._proxy is None or self._proxy.scheme == "http"):
            return self._session, None
        if self._context is None:
            self._context = trust(self._network)
        return self._session, self._context


class _Cancelled:
    """Tells whether the current task has been cancelled since this was made, also where nothing awaited then."""

    def __init__(self) -> None:
        self._task = asyncio.current_task()
        self._before = self._count()

    def __call__(self) -> bool:
        return self._count() > self._before

    def _count(self) -> int:
        return 0 if self._task is None else self._task.cancelling()
