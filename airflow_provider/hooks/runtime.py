"""The drivers that hooks share: one sync driver per process and network, one async driver per event loop."""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
import weakref
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from airflow_provider.engine.account import Network
from airflow_provider.engine.drivers import Driver

if TYPE_CHECKING:
    from airflow_provider.engine.drivers import AsyncDriver

__all__ = ["async_driver", "close_async_drivers", "close_drivers", "sync_driver"]

_lock = threading.Lock()
_drivers: dict[Network, Driver] = {}

_Loop = asyncio.AbstractEventLoop
_Kept = tuple["AsyncDriver", AsyncGenerator["AsyncDriver", None]]
_loops: weakref.WeakKeyDictionary[_Loop, dict[Network, _Kept]] = weakref.WeakKeyDictionary()


def sync_driver(network: Network) -> Driver:
    """Return this process's driver for a network; the driver itself starts anew after a fork."""
    with _lock:
        if network not in _drivers:
            _drivers[network] = Driver(network)
        return _drivers[network]


@atexit.register
def close_drivers() -> None:
    """Close this process's sync drivers; the next use makes new ones."""
    with _lock:
        for driver in _drivers.values():
            driver.close()
        _drivers.clear()


async def async_driver(network: Network) -> AsyncDriver:
    """Return the running loop's driver for a network. It is closed when the loop shuts down."""
    from airflow_provider.engine.drivers import AsyncDriver  # noqa: PLC0415  # imports aiohttp, 0.1 s

    loop = asyncio.get_running_loop()
    kept = _loops.setdefault(loop, {})
    if network not in kept:
        # An event loop closes the asynchronous generators that it has seen when it ends: the one moment at
        # which a connection pool that belongs to the loop can be closed without anybody asking for it.
        keeper = _keep(AsyncDriver(network), kept, network)
        kept[network] = (await anext(keeper), keeper)
    return kept[network][0]


async def close_async_drivers() -> None:
    """Close the running loop's drivers now; the next use makes new ones."""
    for _, keeper in list(_loops.get(asyncio.get_running_loop(), {}).values()):
        await keeper.aclose()


async def _keep(
    driver: AsyncDriver, kept: dict[Network, _Kept], network: Network
) -> AsyncGenerator[AsyncDriver, None]:
    try:
        yield driver
    finally:
        # Forgotten first, for a driver that closes must not be handed out; and for good, for it holds its loop.
        del kept[network]
        await driver.aclose()


os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release)
