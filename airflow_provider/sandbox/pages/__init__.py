"""The sandbox's pages: an inbox where a person sees what each recipient would have got."""

from __future__ import annotations

from starlette.routing import BaseRoute


def routes() -> list[BaseRoute]:
    """Return the routes of the pages, to be mounted at the sandbox's root."""
    return []
