"""The codes that scripts rely on."""

from __future__ import annotations

import pytest

from airflow_provider.cli.exits import code_of, code_of_states
from airflow_provider.engine import errors
from airflow_provider.engine.messages import State


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.ConfigurationError, 2),
        (errors.InvalidMessage, 2),
        (errors.UnsupportedOperation, 2),
        (errors.Rejected, 3),
        (errors.AuthenticationFailed, 3),
        (errors.DeliveryFailed, 3),
        (errors.NotSent, 4),
        (errors.RateLimited, 4),
        (errors.VendorUnavailable, 4),
        (errors.UnreadableResponse, 4),
        (errors.OutcomeUnknown, 5),
        (errors.Refused, 6),
        (errors.CodeNotRetained, 0),
    ],
)
def test_every_error_has_its_code(error: type[errors.MessagingError], code: int) -> None:
    assert code_of(error("It happened.")) == code


@pytest.mark.parametrize(
    ("states", "code"),
    [
        ([State.ACCEPTED, State.DELIVERED, State.NO_REPORT], 0),
        ([State.ACCEPTED, State.SUPPRESSED], 6),
        ([State.SUPPRESSED, State.REJECTED], 3),
        ([State.FAILED, State.ACCEPTED], 3),
        ([State.REJECTED, State.NOT_SENT, State.SUPPRESSED], 4),
        ([State.NOT_SENT, State.UNKNOWN, State.ACCEPTED], 5),
        ([State.CLAIMED], 5),
    ],
)
def test_several_recipients_end_with_the_gravest(states: list[State], code: int) -> None:
    assert code_of_states(states) == code


def test_every_state_has_a_code() -> None:
    for state in State:
        code_of_states([state])
