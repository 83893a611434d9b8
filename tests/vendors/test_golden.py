"""Every golden exchange against the vendor's class, and the sandbox against the golden exchanges."""

from __future__ import annotations

import pytest

from airflow_provider.engine.account import Account
from airflow_provider.engine.errors import MessagingError
from airflow_provider.engine.exchange import Intent, intent_of
from airflow_provider.engine.vendors import VENDORS, load
from airflow_provider.engine.vendors.base import SENDS, operations
from airflow_provider.sandbox.connections import connections

SOURCES = {entry.seed for entry in VENDORS.values()} | {
    "vendor documentation",
    "third-party client",
    "assumed",
}
FIELDS = {
    "source",
    "note",
    "operation",
    "arguments",
    "account",
    "request",
    "response",
    "result",
    "error",
    "sandbox",
}
ACTS = {"login_phone", "login_qr", "logout"}


def test_a_golden_file_tells_one_exchange_and_where_it_is_from(golden):
    told = golden.told
    assert told.keys() <= FIELDS
    assert told["source"] in SOURCES
    assert ("result" in told) != ("error" in told)
    assert golden.name.startswith(golden.operation)
    if told["source"] in {"vendor documentation", "third-party client"}:
        assert told["note"], "say where it was found"


def test_the_operation_asks_and_understands_as_told(golden):
    told = golden.told
    outcome = converse(golden)

    if not isinstance(outcome, MessagingError):
        assert "result" in told, f"no error, but {golden.shown(outcome)}"
        assert golden.shown(outcome) == told["result"]
        return
    assert told.get("error") == described(outcome), str(outcome)
    assert outcome.sentence.endswith((".", ".)"))
    assert golden.account.secret.get_secret_value() not in str(outcome)
    if "request" in told:
        assert (outcome.vendor, outcome.operation) == (golden.vendor, golden.operation)


def converse(golden):
    """Return what the operation came to: its result or its error."""
    try:
        if golden.operation == "read_callback":
            return golden.read_callback(*golden.callback)
        exchange = golden.begin()
        request = next(exchange)
        check(golden, request)
        return golden.finish(exchange, golden.response)
    except MessagingError as error:
        return error


def check(golden, request):
    assert "request" in golden.told, "it was to raise before it asked"
    sent, wanted = golden.as_told(request), dict(golden.told["request"])
    headers = {name.lower(): value for name, value in wanted.pop("headers", {}).items()}
    assert headers.items() <= sent["headers"].items()
    assert {name: value for name, value in sent.items() if name != "headers"} == wanted
    assert str(request.url).startswith(golden.account.base_url)
    assert intent_of(request) is intent(golden.operation)


def intent(operation):
    if operation in SENDS:
        return Intent.SEND
    return Intent.ACT if operation in ACTS else Intent.READ


def described(error):
    told = {"type": type(error).__name__, "scope": getattr(error, "scope", None), "code": error.code}
    return {name: value for name, value in told.items() if value is not None}


@pytest.mark.parametrize("vendor", VENDORS)
def test_every_operation_of_a_vendor_has_a_golden_exchange_that_succeeds(vendor, goldens_of):
    told = {golden.operation for golden in goldens_of(vendor) if "result" in golden.told}
    assert told >= {written.name for written in operations(load(vendor))}


# --- the sandbox --------------------------------------------------------------------------------------------


def test_the_sandbox_answers_in_the_same_shape(
    sandbox_golden, goldens_of, sandbox, control, inbox, log_watch
):
    log_watch.not_watched.add("httpx")  # which logs whole addresses; the drivers go without its client
    told, taken = sandbox_golden.told, {}
    if isinstance(told["sandbox"], dict):
        (first,) = (
            each for each in goldens_of(sandbox_golden.vendor) if each.name == told["sandbox"]["after"]
        )
        earlier, _ = ask(control, first)
        taken = {name: dig(earlier.json(), path) for name, path in told["sandbox"].get("take", {}).items()}

    answer, outcome = ask(control, sandbox_golden, taken)

    assert answer.status_code == told["response"].get("status", 200), answer.text
    assert shape(answer.json()) == shape(told["response"]["json"])
    if isinstance(outcome, MessagingError):
        assert described(outcome) == told["error"]
        return
    assert "result" in told
    if to := told.get("arguments", {}).get("to"):
        wanted = {to} if isinstance(to, str) else set(to)
        assert wanted <= {message["to"] for message in inbox(vendor=sandbox_golden.vendor)}


def ask(client, golden, arguments=None):
    """Return what the sandbox answers to a golden exchange's question, and what the vendor's class makes of it."""
    exchange = golden.begin(account_at(str(client.base_url), golden), arguments)
    answer = client.send(next(exchange))
    try:
        return answer, golden.finish(exchange, answer)
    except MessagingError as error:
        return answer, error


def account_at(base_url, golden):
    """Return the golden exchange's account with the sandbox's address, credentials and extras."""
    connection = connections(base_url)[f"{golden.vendor}_default"]
    own, options = dict(golden.told.get("account", {})), dict(connection["extra"])
    account = {
        "conn_id": f"{golden.vendor}_default",
        "base_url": connection["host"],
        "identity": connection.get("login", ""),
        "secret": connection["password"],
        "sender": options.pop("sender", None),
    }
    return Account(**{**account, **own, "options": {**own.get("options", {}), **options}})


def shape(value):
    """Return a JSON value with its types in place of its values; a list has the set of its items' shapes."""
    if isinstance(value, dict):
        return {name: shape(part) for name, part in value.items()}
    if isinstance(value, list):
        return sorted({repr(shape(part)) for part in value})
    if isinstance(value, int | float) and not isinstance(value, bool):
        return "number"
    return type(value).__name__


def dig(value, path):
    for name in path.split("."):
        value = value[name]
    return str(value)
