"""The only code that touches the network: one driver that blocks, one for an event loop.

A driver plays a generator: it sends the requests, does the work and waits the pauses that the generator asks for,
and sends back, or throws in, what came of each. What can be decided without I/O stands in ``attempts``, what an
error means in ``failures``; both are written once. ``blocking`` and ``awaiting`` do the I/O, on httpx and aiohttp.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider.engine.drivers.attempts import Reads
from airflow_provider.engine.drivers.blocking import Driver

if TYPE_CHECKING:
    from airflow_provider.engine.drivers.awaiting import AsyncDriver

__all__ = ["AsyncDriver", "Driver", "Reads"]


def __getattr__(name: str) -> Any:
    # aiohttp takes 0.2 s to import, which a task that sends one message need not pay.
    if name == "AsyncDriver":
        from airflow_provider.engine.drivers.awaiting import AsyncDriver  # noqa: PLC0415 - for that reason

        return AsyncDriver
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
