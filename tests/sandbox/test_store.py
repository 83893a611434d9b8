"""The store: states over time, and bounds that hold."""

from __future__ import annotations

import pytest

from airflow_provider.sandbox.store import Exchange, Message, Store


@pytest.fixture
def told(hands) -> list[str]:
    return []


@pytest.fixture
def store(hands, told) -> Store:
    store = Store(hands)
    store.on_final = lambda message: told.append(f"{message.id} {message.state(hands())}")
    return store


def take(store: Store, *steps: tuple[str, float], message_id: str = "x") -> Message:
    now = store.clock()
    return store.take(
        vendor="turkeysms",
        channel="sms",
        to="+905321234567",
        sender="ULAK",
        text="x",
        message_id=message_id,
        received_at=now,
        steps=tuple((state, now + after) for state, after in steps),
    )


def test_a_message_takes_every_step_even_when_time_jumps(store, hands, told):
    message = take(store, ("scheduled", 0), ("accepted", 60), ("delivered", 62))
    store.settle()
    assert (message.state(hands()), told) == ("scheduled", [])
    hands.turn(100)
    store.settle()
    store.settle()
    assert told == ["m1 delivered"]
    assert [state for state, _ in message.timeline(hands())] == ["scheduled", "accepted", "delivered"]


def test_steps_are_told_one_after_the_other(store, hands, told):
    changes: list[object] = []
    store.on_change = lambda change: changes.append(change["state"])
    take(store, ("scheduled", 0), ("accepted", 60), ("failed", 62))
    for seconds in (60, 2):
        hands.turn(seconds)
        store.settle()
    assert changes == ["scheduled", "accepted", "failed"]
    assert told == ["m1 failed"]


def test_a_delivery_without_delay_is_told_too(store, told):
    take(store, ("accepted", 0), ("delivered", 0))
    store.settle()
    assert told == ["m1 delivered"]


def test_by_hand_overrules_what_was_to_come(store, hands, told):
    message = take(store, ("accepted", 0), ("delivered", 2))
    store.set_state(message, "failed")
    hands.turn(5)
    store.settle()
    assert told == ["m1 failed"]
    assert message.state(hands()) == "failed"


def test_the_oldest_messages_go_first(store):
    store.max_messages = 2
    for message_id in ("a", "b", "c"):
        take(store, ("accepted", 0), message_id=message_id)

    assert [message.message_id for message in store.messages()] == ["b", "c"]
    assert store.get("m1") is None
    assert store.of_send("turkeysms", "a") == []
    assert len(store.of_send("turkeysms", "c")) == 1


def test_the_oldest_exchanges_are_forgotten_while_their_messages_stay(store):
    store.max_exchanges = 1
    messages = [take(store, ("accepted", 0)) for _ in range(2)]
    for message in messages:
        store.attach(Exchange("POST", "/x", [], b"body"), [message])

    first, second = (message.exchange for message in messages)
    assert first is not None
    assert second is not None
    assert (first.kept, first.request_body, second.kept) == (False, b"", True)
