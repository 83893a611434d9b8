"""The error tree: sentences that say what happened, whether the message went out, and what to do next."""

from __future__ import annotations

import copy
import inspect
import pickle
import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider.engine import errors
from airflow_provider.engine.errors import (
    AuthenticationFailed,
    CodeNotRetained,
    ConfigurationError,
    DeliveryFailed,
    InsufficientBalance,
    InvalidMessage,
    InvalidRecipient,
    MessagingError,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    Refused,
    Rejected,
    SenderNotApproved,
    UnreadableResponse,
    UnsupportedOperation,
    VendorUnavailable,
)
from airflow_provider.engine.messages import Receipt, State
from airflow_provider.engine.outcomes import NEVER_LEFT

TREE = [kind for kind in vars(errors).values() if inspect.isclass(kind) and issubclass(kind, MessagingError)]
NOTHING_WAS_SENT = {
    ConfigurationError,
    InvalidMessage,
    UnsupportedOperation,
    Refused,
    NotSent,
    RateLimited,
    VendorUnavailable,
}
RECEIPT = Receipt(key="k", vendor="turkeysms", conn_id="sms", to="+905321234567", state=State.UNKNOWN)
DETAILS = {
    "vendor": "turkeysms",
    "operation": "send_sms",
    "status": 500,
    "code": "TS-1027",
    "request_id": "r-7",
    "advice": "Ask.",
}


def full(kind):
    """Return an error of a class with every attribute set."""
    more = {}
    if issubclass(kind, RateLimited):
        more = {"retry_at": datetime(2026, 1, 2, tzinfo=UTC), "retry_after": 7.5}
    if issubclass(kind, Rejected):
        more = {"scope": "recipient"}
    error = kind("It broke.", **DETAILS, **more)
    error.receipts = (RECEIPT,)
    return error


# --- the tree -------------------------------------------------------------------------------------------


def test_the_tree_drawn_in_the_docstring_is_the_tree():
    drawn, branch = {}, []
    for line in inspect.getdoc(errors).splitlines():
        found = re.match(r"^ *([│├└─ ]*)([A-Z]\w+)(?: {2,}|$)", line)
        if found and hasattr(errors, found[2]):
            branch[len(found[1]) // 4 :] = [found[2]]
            drawn[found[2]] = branch[-2] if len(branch) > 1 else "Exception"

    assert drawn == {kind.__name__: kind.__base__.__name__ for kind in TREE}
    assert {kind.__name__ for kind in TREE} | {"Scope"} == set(errors.__all__)


@pytest.mark.parametrize("kind", TREE)
def test_an_error_says_whether_the_message_went_out(kind):
    says_so = "Nothing was sent." in str(kind("It broke.", operation="send_sms"))

    assert says_so is (kind in NOTHING_WAS_SENT)
    assert issubclass(kind, NEVER_LEFT) is says_so


@pytest.mark.parametrize(
    ("kind", "scope"),
    [
        (AuthenticationFailed, "account"),
        (InsufficientBalance, "account"),
        (SenderNotApproved, "account"),
        (InvalidRecipient, "recipient"),
        (DeliveryFailed, "recipient"),
        (Rejected, "message"),
    ],
)
def test_a_refusal_has_the_scope_of_its_class_unless_told_otherwise(kind, scope):
    assert kind("No.").scope == scope
    assert kind("No.", scope="account").scope == "account"


# --- sentences ------------------------------------------------------------------------------------------


def test_an_error_reads_as_prose():
    error = Rejected("The vendor refused the text.", **{**DETAILS, "advice": "Change it."})

    assert str(error) == (
        "turkeysms send_sms: The vendor refused the text. The vendor did not take the message. Change it."
        " (HTTP 500, code TS-1027, request r-7)"
    )
    assert str(Refused("Quiet hours.")) == "Quiet hours. Nothing was sent."
    assert str(MessagingError("It broke.", vendor="argepanel")) == "argepanel: It broke."
    assert str(UnreadableResponse("No JSON.", operation="balance")).startswith("balance: No JSON. Try again;")


@pytest.mark.parametrize("kind", TREE)
def test_a_question_tells_nothing_of_messages(kind):
    error = kind("It broke.", operation="balance")

    assert not kind.fate or kind.fate not in str(error)
    assert str(error).startswith("balance: It broke.")


@pytest.mark.parametrize("kind", TREE)
def test_every_error_is_made_of_whole_sentences(kind):
    for part in (kind.fate, kind.advice, str(kind("It broke."))):
        assert part == "" or re.fullmatch(r"[A-Z].*\.", part)
        assert "  " not in part
    assert inspect.getdoc(kind).splitlines()[0].endswith(".")


@given(
    st.sampled_from(TREE),
    st.fixed_dictionaries(
        {},
        optional={name: st.just(value) for name, value in DETAILS.items()},
    ),
)
def test_an_error_tells_all_that_it_knows_and_nothing_twice(kind, details):
    text = str(kind("It broke.", **details))

    for name, shown in [
        ("vendor", "turkeysms"),
        ("status", "HTTP 500"),
        ("code", "code TS-1027"),
        ("request_id", "request r-7"),
        ("advice", "Ask."),
    ]:
        assert text.count(shown) == (name in details)
    assert text.count("It broke.") == 1
    assert "None" not in text
    assert text.endswith((".", ")"))


def test_no_advice_is_an_advice_too():
    assert str(NotSent("It broke.", advice="")) == "It broke. Nothing was sent."


# --- crossing processes ---------------------------------------------------------------------------------


@pytest.mark.parametrize("again", [lambda e: pickle.loads(pickle.dumps(e)), copy.copy, copy.deepcopy])
@pytest.mark.parametrize("kind", TREE)
def test_an_error_crosses_a_process_boundary_whole(kind, again):
    error = full(kind)

    copied = again(error)

    assert type(copied) is kind
    assert vars(copied) == vars(error)
    assert {"vendor", "operation", "status", "code", "request_id", "advice", "receipts"} <= vars(
        copied
    ).keys()
    assert copied.args == error.args == ("It broke.",)
    assert str(copied) == str(error)
    with pytest.raises(kind, match="It broke"):
        raise copied


@pytest.mark.parametrize("kind", TREE)
def test_an_error_shows_nobodys_number_though_it_carries_receipts(kind):
    assert "5321234567" not in str(full(kind)) + repr(full(kind)) + repr(full(kind).receipts)


def test_a_one_time_code_that_is_gone_says_what_to_do():
    assert str(CodeNotRetained("It went out.")) == "It went out. Use a new key to send a new code."


def test_a_doubt_says_that_nothing_happens_by_itself():
    assert "will not be sent again by itself" in str(OutcomeUnknown("Cut."))
    assert "ulak ledger resolve" in str(OutcomeUnknown("Cut."))
