"""A ledger in memory, so that the bench measures everything but the disk. Nothing but the bench can make one."""

from __future__ import annotations

from collections.abc import Sequence

from airflow_provider.engine.ledger.claims import Attempt, Claim, Found, Outcome
from airflow_provider.engine.ledger.states import Actor, OnUnknown, Verdict, check_move
from airflow_provider.engine.messages import State


class MemoryLedger:
    """Keeps claims and outcomes in a dictionary, by the parts of their keys."""

    ledger_id = "memory"

    def __init__(self) -> None:
        self._rows: dict[str, State] = {}

    def claim(
        self, claims: Sequence[Claim], attempt: Attempt, *, lease: float, on_unknown: OnUnknown
    ) -> Sequence[Found]:
        """Claim new keys; the bench never meets an old one."""
        found = []
        for claim in claims:
            key = repr(claim.key_parts)
            check_move(Actor.CALLER, self._rows.get(key), State.CLAIMED)
            self._rows[key] = State.CLAIMED
            found.append(
                Found(
                    Verdict.CLAIM,
                    key,
                    State.CLAIMED,
                    1,
                    claim.vendor,
                    claim.conn_id,
                    claim.mode,
                    lease_left=lease,
                    report_id=attempt.report_id,
                )
            )
        return found

    def look(self, claims: Sequence[Claim], *, on_unknown: OnUnknown) -> Sequence[Found]:
        """Nothing is left untried in the bench."""
        raise AssertionError("the bench never looks")

    def record(self, attempt: Attempt, outcomes: Sequence[Outcome]) -> bool:
        """Write outcomes."""
        for outcome in outcomes:
            check_move(Actor.OWNER, self._rows[outcome.key], outcome.state)
            self._rows[outcome.key] = outcome.state
        return True

    def release(self, attempt: Attempt) -> None:
        """Nothing is ever interrupted in the bench."""

    def close(self) -> None:
        """Let go of the rows."""
        self._rows.clear()

    def forget_connections(self) -> None:
        """Have none."""
