"""The sandbox's pages: an inbox where a person sees what each recipient would have got."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}

# What a recipient is sent is anybody's text, so the page may run and load only what stands beside this file.
# A mail's HTML is shown in a frame without an origin, which inherits this policy and narrows it to inline styles
# and `data:` images: that frame alone is why inline styles are allowed. The page itself has none, and Trusted Types
# let nothing of it turn text into HTML but that frame.
POLICY = "; ".join(
    (
        "default-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "frame-src 'none'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types mail-frame",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "no-cache",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def routes() -> list[BaseRoute]:
    """Return the routes of the pages, to be mounted at the sandbox's root: `/`, and its files under `/inbox/`."""
    folder = files(__name__)
    names = [entry.name for entry in folder.iterdir() if entry.name.endswith(tuple(MEDIA_TYPES))]
    return [
        Route("/", _file("index.html")),
        *(Route(f"/inbox/{name}", _file(name)) for name in sorted(names)),
    ]


def _file(name: str) -> Callable[[Request], Awaitable[Response]]:
    """Answer with one file of this folder, read anew each time, so that a developer of the page need not restart."""
    media_type = MEDIA_TYPES[name[name.rindex(".") :]]

    async def answer(_: Request) -> Response:
        return Response(files(__name__).joinpath(name).read_bytes(), media_type=media_type, headers=HEADERS)

    return answer
