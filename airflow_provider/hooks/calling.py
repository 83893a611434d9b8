"""How a hook offers an operation: written once as steps, called twice, with and without an event loop."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Coroutine, Generator
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from airflow_provider.engine.exchange import Step

if TYPE_CHECKING:
    from airflow_provider.hooks.base import MessagingHook

__all__ = ["later", "now"]

H = TypeVar("H", bound="MessagingHook")
P = ParamSpec("P")
T = TypeVar("T")
C = TypeVar("C", bound=Callable[..., Any])

_Build = Callable[Concatenate[H, P], Generator[Step, Any, T]]


def now(build: _Build[H, P, T]) -> Callable[Concatenate[H, P], T]:
    """Offer an operation as a method that blocks until it is done."""

    def call(self: H, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.run(build(self, *args, **kwargs))

    return _described(call, build)


def later(build: _Build[H, P, T]) -> Callable[Concatenate[H, P], Coroutine[Any, Any, T]]:
    """Offer an operation as a coroutine method."""

    async def call(self: H, /, *args: P.args, **kwargs: P.kwargs) -> T:
        await self.aload()
        return await self.arun(build(self, *args, **kwargs))

    return _described(call, build, "a")


def _described(call: C, build: Callable[..., Any], prefix: str = "") -> C:
    """Have ``help()`` and tracebacks show the method that people call, not the steps behind it."""
    functools.update_wrapper(call, build)
    call.__name__ = prefix + build.__name__.removeprefix("_")
    call.__qualname__ = f"{build.__qualname__.rpartition('.')[0]}.{call.__name__}"
    signature = inspect.signature(build)
    returned = str(signature.return_annotation).removeprefix("Generator[Step, Any, ").removesuffix("]")
    vars(call)["__signature__"] = signature.replace(return_annotation=returned)
    return call
