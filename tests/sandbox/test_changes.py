"""The queue of one page that listens: what it is told when more happens than it can hear of."""

from __future__ import annotations

import asyncio

from airflow_provider.sandbox.changes import MOST_WAITING, RESET, Change, Changes


def heard(*told: Change) -> list[Change]:
    """Return what a page hears that gets round to listening only after all was told."""

    async def listen() -> list[Change]:
        changes = Changes()
        async with asyncio.timeout(10):
            with changes.listener() as listener:
                for change in told:
                    changes.tell(change)
                changes.end()
                changes.tell(RESET)  # in the wake of the end; keeps nobody
                return [change async for change in listener.changes(keep_alive=60) if change is not None]

    return asyncio.run(listen())


def messages(count: int) -> list[Change]:
    return [{"kind": "message", "id": f"m{number}"} for number in range(1, count + 1)]


def test_a_page_that_falls_behind_is_told_once_that_it_missed_something():
    told = messages(MOST_WAITING + 40)
    assert heard(*told) == [*told[:MOST_WAITING], {"kind": "overflow"}]


def test_a_reset_takes_the_place_of_all_that_waits_and_is_never_missed():
    later: Change = {"kind": "message", "id": "m1"}
    assert heard(*messages(MOST_WAITING + 40), RESET, later) == [{"kind": "reset"}, later]
