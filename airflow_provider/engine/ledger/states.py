"""Which state may follow which, who may make it so, and what a caller that meets a row must do.

::

    CLAIMED -> ACCEPTED -> DELIVERED | FAILED | NO_REPORT (gave up asking)
       |-> NOT_SENT                provably never left
       |-> REJECTED(scope)         the vendor said no
       '-> UNKNOWN                 bytes left, no readable answer
    SUPPRESSED                     a guard held it back; it never left
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Literal

from airflow_provider.engine.errors import Scope
from airflow_provider.engine.messages import State

__all__ = ["MOVES", "Actor", "IllegalMove", "OnUnknown", "Verdict", "check_move", "may_move", "meet"]

OnUnknown = Literal["fail", "accept", "resend"]
"""What a caller wants done with a message whose outcome is unknown."""


class Actor(StrEnum):
    """Who changes a row."""

    CALLER = "caller"
    """A call that claims it."""
    OWNER = "owner"
    """The attempt that holds the claim, also when it is late."""
    CLOCK = "clock"
    """The end of a lease, written by whoever touches the row next."""
    REPORT = "report"
    """A delivery report, polled or pushed."""
    RECONCILER = "reconciler"
    """A search for the message in the vendor's own list."""
    PERSON = "person"
    """Somebody who found out and says so."""


MOVES: Mapping[tuple[State | None, State], frozenset[Actor]] = {
    (None, State.CLAIMED): frozenset({Actor.CALLER}),
    (None, State.SUPPRESSED): frozenset({Actor.CALLER}),
    (State.NOT_SENT, State.CLAIMED): frozenset({Actor.CALLER}),
    (State.NOT_SENT, State.SUPPRESSED): frozenset({Actor.CALLER}),
    (State.SUPPRESSED, State.CLAIMED): frozenset({Actor.CALLER}),
    # After a refusal of the account; `meet` knows the scope.
    (State.REJECTED, State.CLAIMED): frozenset({Actor.CALLER}),
    # Only where the caller asked for on_unknown="resend".
    (State.UNKNOWN, State.CLAIMED): frozenset({Actor.CALLER}),
    (State.CLAIMED, State.ACCEPTED): frozenset({Actor.OWNER}),
    (State.CLAIMED, State.NOT_SENT): frozenset({Actor.OWNER}),
    (State.CLAIMED, State.REJECTED): frozenset({Actor.OWNER}),
    (State.CLAIMED, State.UNKNOWN): frozenset({Actor.OWNER, Actor.CLOCK}),
    # The owner may say again what stands, or add to it what it alone knows, such as the vendor's id.
    (State.ACCEPTED, State.ACCEPTED): frozenset({Actor.OWNER}),
    (State.NOT_SENT, State.NOT_SENT): frozenset({Actor.OWNER}),
    (State.REJECTED, State.REJECTED): frozenset({Actor.OWNER}),
    (State.UNKNOWN, State.UNKNOWN): frozenset({Actor.OWNER}),
    # A late owner still knows better than the end of its lease.
    (State.UNKNOWN, State.ACCEPTED): frozenset({Actor.OWNER, Actor.RECONCILER, Actor.PERSON}),
    (State.UNKNOWN, State.NOT_SENT): frozenset({Actor.OWNER, Actor.PERSON}),
    # A person said it never arrived, and then the late owner came back with the vendor's word that it did.
    (State.NOT_SENT, State.ACCEPTED): frozenset({Actor.OWNER}),
    (State.UNKNOWN, State.REJECTED): frozenset({Actor.OWNER}),
    (State.UNKNOWN, State.DELIVERED): frozenset({Actor.REPORT, Actor.RECONCILER}),
    (State.UNKNOWN, State.FAILED): frozenset({Actor.REPORT, Actor.RECONCILER}),
    (State.ACCEPTED, State.DELIVERED): frozenset({Actor.REPORT}),
    (State.ACCEPTED, State.FAILED): frozenset({Actor.REPORT}),
    (State.ACCEPTED, State.NO_REPORT): frozenset({Actor.CLOCK, Actor.PERSON}),
    # The report came after all.
    (State.NO_REPORT, State.DELIVERED): frozenset({Actor.REPORT}),
    (State.NO_REPORT, State.FAILED): frozenset({Actor.REPORT}),
}
"""Every change there is, and who may make it. What is not here is illegal."""


class IllegalMove(RuntimeError):  # named for what was tried
    """A change of state that the table does not know: a fault in Ulak, never in its use."""


def may_move(actor: Actor, before: State | None, after: State) -> bool:
    """Tell whether an actor may change a row's state so."""
    return actor in MOVES.get((before, after), frozenset())


def check_move(actor: Actor, before: State | None, after: State) -> None:
    """Return when an actor may change a row's state so.

    Raises:
        IllegalMove: It may not.
    """
    if not may_move(actor, before, after):
        raise IllegalMove(f"{actor} may not change a message from {before or 'nothing'} to {after}.")


class Verdict(StrEnum):
    """What a caller does with the row it met under its key."""

    CLAIM = "claim"
    REPLAY = "replay"
    """Return the stored receipt."""
    RAISE = "raise"
    """Raise the stored error again."""
    WAIT = "wait"
    """Somebody else is sending it right now."""


def meet(state: State | None, scope: Scope | None, *, lease_ended: bool, on_unknown: OnUnknown) -> Verdict:
    """Decide what a caller does with the row under its key (DESIGN.md section 4, second table).

    Args:
        state: The row's state, or None when there is no row.
        scope: Whom a REJECTED row's refusal concerned.
        lease_ended: Whether a CLAIMED row's lease is over, which reads as UNKNOWN.
        on_unknown: The caller's choice for UNKNOWN.
    """
    if state is State.CLAIMED:
        if not lease_ended:
            return Verdict.WAIT
        state = State.UNKNOWN
    match state:
        case None | State.NOT_SENT | State.SUPPRESSED:
            return Verdict.CLAIM
        case State.REJECTED if scope == "account":
            return Verdict.CLAIM
        case State.REJECTED | State.FAILED:
            return Verdict.RAISE
        case State.UNKNOWN:
            by_choice = {"fail": Verdict.RAISE, "accept": Verdict.REPLAY, "resend": Verdict.CLAIM}
            return by_choice[on_unknown]
        case _:
            return Verdict.REPLAY
