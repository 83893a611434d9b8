"""Whatever a vendor answers, nothing but a result or an error of the tree comes out."""

from __future__ import annotations

import json

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from airflow_provider.engine.errors import MessagingError
from airflow_provider.engine.exchange import as_json
from airflow_provider.engine.vendors import VENDORS

THOROUGH = settings(
    max_examples=400,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    # Explaining a failure takes minutes here; the drawn exchange, status and body explain it.
    phases=set(Phase) - {Phase.explain},
)
SECRETS = ("golden-secret", "golden-identity", "905321234567", "5321234567")

# What vendors' clients have met, and what trips parsers: numbers without end, names of types, echoes.
words = st.sampled_from(
    [
        *SECRETS,
        "true",
        "1",
        "0",
        "1 SMS",
        "TS-1024",
        "TS-1027",
        "TS-1099",
        "SENT",
        "",
        " ",
        "NaN",
        "-0",
        "1e400",
        "1e5000",
    ]
) | st.text(max_size=20)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.integers(10**15, 10**40) | words
junk = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)
statuses = st.sampled_from(
    [200, 200, 200, 201, 204, 400, 401, 403, 404, 408, 409, 422, 425, 429, 500, 502]
) | st.integers(100, 599)
headers = st.fixed_dictionaries(
    {},
    optional={
        "Retry-After": st.sampled_from(
            ["0", "-1", "nan", "inf", "1e9", "soon", "Fri, 31 Dec 1999 23:59:59 GMT"]
        )
        | st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30),
        "Content-Type": st.sampled_from(["application/json", "text/html", "application/json; charset=utf-7"]),
    },
)


@st.composite
def bodies(draw, told):
    """An answer like the golden one with parts of it replaced, or nothing like it."""
    if draw(st.integers(0, 3)) == 0 or "json" not in told:
        return draw(st.binary(max_size=60) | words.map(str.encode) | junk.map(json.dumps).map(str.encode))
    return json.dumps(draw(altered(told["json"]))).encode()


def altered(value):
    """The same value, or one of its parts left out, replaced by junk or spelled as another type."""
    respelled = st.just(str(value)) if isinstance(value, int | float) else st.nothing()
    inside = st.just(value)
    if isinstance(value, dict) and value:
        parts = {name: altered(part) for name, part in value.items()}
        inside = st.fixed_dictionaries({}, optional=parts) | st.fixed_dictionaries(parts)
    elif isinstance(value, list) and value:
        inside = st.lists(st.one_of([altered(part) for part in value]), max_size=3)
    # The shapes nearest to the truth go deepest into a parser, so they come most often.
    return st.one_of(inside, inside, inside, junk, respelled)


@pytest.mark.parametrize("vendor", VENDORS)
@THOROUGH
@given(data=st.data())
def test_any_answer_ends_in_a_result_or_in_an_error_of_the_tree(vendor, goldens_of, data):
    asking = [golden for golden in goldens_of(vendor) if "response" in golden.told]
    golden = data.draw(st.sampled_from(asking))
    body = data.draw(bodies(golden.told["response"]))
    response = httpx.Response(data.draw(statuses), headers=data.draw(headers), content=body)
    exchange = golden.begin()
    next(exchange)

    try:
        json.dumps(as_json(golden.finish(exchange, response)))
    except MessagingError as error:
        told_well(error, vendor, golden.operation)


@pytest.mark.parametrize("vendor", [key for key in VENDORS if key in {"basliklisms", "vatansms"}])
@THOROUGH
@given(data=st.data())
def test_any_callback_ends_in_a_report_or_in_an_error_of_the_tree(vendor, goldens_of, data):
    pushed = [golden for golden in goldens_of(vendor) if golden.operation == "read_callback"]
    golden = data.draw(st.sampled_from(pushed))
    real = {name: st.just(value) | words for name, value in golden.callback[0].items()}
    names = data.draw(st.fixed_dictionaries({}, optional=real))
    body = data.draw(bodies(golden.told["arguments"]))

    try:
        json.dumps(as_json(golden.read_callback(names, body)))
    except MessagingError as error:
        told_well(error, vendor, "read_callback")


def told_well(error, vendor, operation):
    assert (error.vendor, error.operation) == (vendor, operation)
    for shown in (str(error), repr(error)):
        assert not any(secret in shown for secret in SECRETS), shown
