"""Who may change what, and what a caller must do with the row it meets: the two tables of DESIGN.md section 4."""

from __future__ import annotations

from itertools import product

import pytest

from airflow_provider.engine.ledger.states import (
    MOVES,
    Actor,
    IllegalMove,
    Verdict,
    check_move,
    may_move,
    meet,
)
from airflow_provider.engine.messages import State

LEGAL = """
    nothing    caller      CLAIMED SUPPRESSED
    NOT_SENT   caller      CLAIMED SUPPRESSED
    SUPPRESSED caller      CLAIMED
    REJECTED   caller      CLAIMED
    UNKNOWN    caller      CLAIMED

    CLAIMED    owner       ACCEPTED NOT_SENT REJECTED UNKNOWN
    UNKNOWN    owner       ACCEPTED NOT_SENT REJECTED UNKNOWN
    NOT_SENT   owner       ACCEPTED NOT_SENT
    ACCEPTED   owner       ACCEPTED
    REJECTED   owner       REJECTED

    CLAIMED    clock       UNKNOWN
    ACCEPTED   clock       NO_REPORT

    ACCEPTED   report      DELIVERED FAILED
    NO_REPORT  report      DELIVERED FAILED
    UNKNOWN    report      DELIVERED FAILED

    UNKNOWN    reconciler  ACCEPTED DELIVERED FAILED

    UNKNOWN    person      ACCEPTED NOT_SENT
    ACCEPTED   person      NO_REPORT
"""
ALLOWED = {
    (before, actor, after)
    for before, actor, *afters in map(str.split, filter(str.strip, LEGAL.splitlines()))
    for after in afters
}
EVERY_STATE = (None, *State)


@pytest.mark.parametrize(
    ("before", "actor", "after"),
    list(product(EVERY_STATE, Actor, State)),
    ids=lambda value: str(value or "nothing"),
)
def test_a_change_is_allowed_exactly_where_the_table_says_so(before, actor, after):
    allowed = (before or "nothing", actor, after) in ALLOWED

    assert may_move(actor, before, after) is allowed
    if allowed:
        check_move(actor, before, after)
    else:
        with pytest.raises(IllegalMove, match=f"{actor} may not change a message from .* to {after}"):
            check_move(actor, before, after)


def test_the_table_above_has_every_move_once():
    assert sum(len(actors) for actors in MOVES.values()) == len(ALLOWED)


def test_only_a_caller_claims_so_that_nothing_goes_out_by_itself():
    assert {actor for (_, after), actors in MOVES.items() if after is State.CLAIMED for actor in actors} == {
        Actor.CALLER
    }


def test_what_was_accepted_or_reported_can_never_be_claimed_again():
    final = {State.ACCEPTED, State.DELIVERED, State.FAILED, State.NO_REPORT}
    reached = set(final)
    while True:
        further = {after for (before, after) in MOVES if before in reached}
        if further <= reached:
            break
        reached |= further

    assert reached == final


# --- what a caller meets --------------------------------------------------------------------------------

ON_UNKNOWN = ("fail", "accept", "resend")
SCOPES = (None, "recipient", "message", "account")
ALWAYS = {
    "claim": (Verdict.CLAIM, Verdict.CLAIM, Verdict.CLAIM),
    "stored receipt": (Verdict.REPLAY, Verdict.REPLAY, Verdict.REPLAY),
    "stored error": (Verdict.RAISE, Verdict.RAISE, Verdict.RAISE),
    "wait": (Verdict.WAIT, Verdict.WAIT, Verdict.WAIT),
    "by choice": (Verdict.RAISE, Verdict.REPLAY, Verdict.CLAIM),
}
TABLE = {
    None: "claim",
    State.NOT_SENT: "claim",
    State.SUPPRESSED: "claim",
    (State.REJECTED, "account"): "claim",
    (State.REJECTED, "recipient"): "stored error",
    (State.REJECTED, "message"): "stored error",
    (State.REJECTED, None): "stored error",
    State.FAILED: "stored error",
    State.ACCEPTED: "stored receipt",
    State.DELIVERED: "stored receipt",
    State.NO_REPORT: "stored receipt",
    (State.CLAIMED, "lease runs"): "wait",
    (State.CLAIMED, "lease ended"): "by choice",
    State.UNKNOWN: "by choice",
}


@pytest.mark.parametrize(
    ("state", "scope", "lease_ended", "on_unknown"),
    list(product(EVERY_STATE, SCOPES, (False, True), ON_UNKNOWN)),
)
def test_a_caller_does_what_the_table_says(state, scope, lease_ended, on_unknown):
    row = {
        State.REJECTED: (state, scope),
        State.CLAIMED: (state, "lease ended" if lease_ended else "lease runs"),
    }.get(state, state)

    verdict = meet(state, scope, lease_ended=lease_ended, on_unknown=on_unknown)

    assert verdict is ALWAYS[TABLE[row]][ON_UNKNOWN.index(on_unknown)]


@pytest.mark.parametrize("on_unknown", ON_UNKNOWN)
@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("state", EVERY_STATE)
def test_a_verdict_to_claim_is_always_a_move_that_a_caller_may_make(state, scope, on_unknown):
    for lease_ended in (False, True):
        if meet(state, scope, lease_ended=lease_ended, on_unknown=on_unknown) is Verdict.CLAIM:
            met = State.UNKNOWN if state is State.CLAIMED else state
            check_move(Actor.CALLER, met, State.CLAIMED)
