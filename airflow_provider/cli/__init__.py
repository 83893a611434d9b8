"""The command line, `ulak`: one module per noun."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and end the process; ``arguments`` are those of the shell when left out.

    Raises:
        SystemExit: Always, with a code of :class:`~airflow_provider.cli.exits.Code`.
    """
    try:
        from airflow_provider.cli.app import app  # noqa: PLC0415  # half a second, in which Ctrl-C is heard too
    except KeyboardInterrupt:
        sys.stderr.write("Stopped by Ctrl-C. No message was sent.\n")
        raise SystemExit(130) from None
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal without Turkish letters gets question marks, not a traceback after the send.
            stream.reconfigure(errors="replace")
    app(arguments, prog_name="ulak")
