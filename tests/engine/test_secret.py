"""The installation's secret: what it makes of keys and addresses, and where it lives."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider.engine.errors import ConfigurationError
from airflow_provider.engine.ledger.secret import Secret

SECRET = Secret("the secret of the test installation")
ANY_TEXT = st.text(st.characters(exclude_categories=()))
PARTS = st.lists(ANY_TEXT | st.integers(), max_size=5)


@given(PARTS, PARTS)
def test_equal_parts_have_one_digest_and_different_parts_never_do(one, other):
    assert (SECRET.digest(one) == SECRET.digest(other)) is (one == other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (["a", "bc"], ["ab", "c"]),
        (['a","b'], ["a", "b"]),
        (["a", 'b"]'], ['a","b"]']),
        ([0], ["0"]),
        (["a\\"], ["a", "\\"]),
        ([], [""]),
    ],
    ids=str,
)
def test_no_part_can_pass_for_several(one, other):
    assert SECRET.digest(one) != SECRET.digest(other)


def test_a_digest_is_stable_across_releases_for_it_is_what_keeps_messages_from_going_out_twice():
    assert SECRET.digest(("key", "order-1", "sms", "+905321234567", 0)) == (
        "74888fd62b9862331fc8665e5c33fff6ecd39c78577b51d6c7ed203b51e642a6"
    )


def test_a_digest_cannot_be_made_without_the_secret():
    assert Secret("another secret of some installation").digest(["x"]) != SECRET.digest(["x"])


def test_what_is_encrypted_is_read_with_the_same_secret_only_and_never_looks_the_same():
    token = SECRET.encrypt("+905321234567")

    assert SECRET.decrypt(token) == "+905321234567"
    assert SECRET.encrypt("+905321234567") != token
    assert "905321234567" not in token
    with pytest.raises(ConfigurationError, match="cannot decrypt"):
        Secret("another secret of some installation").decrypt(token)


def test_hashing_and_encryption_have_keys_of_their_own_and_neither_shows():
    assert SECRET._hash_key not in {SECRET._fernet._signing_key, SECRET._fernet._encryption_key}
    assert repr(SECRET) == str(SECRET) == "Secret(***)"


def test_a_short_secret_is_refused_and_not_shown():
    with pytest.raises(ConfigurationError, match="fewer than 16 characters") as caught:
        Secret("fifteen letters")
    assert "fifteen" not in str(caught.value)
    Secret("sixteen letters!")


def test_a_secret_may_be_any_bytes_that_an_environment_variable_can_hold():
    text = os.fsdecode(b"\xff\xfe not utf-8 but long enough")

    assert Secret(text).digest(["x"]) == Secret(text).digest(["x"])


# --- the file beside an SQLite ledger -------------------------------------------------------------------


def test_the_file_is_made_once_for_its_owner_alone(tmp_path):
    database = tmp_path / "deeper" / "ulak.db"

    first, second = Secret.beside(database), Secret.beside(database)

    file = tmp_path / "deeper" / "ulak.db.secret"
    assert first.digest(["x"]) == second.digest(["x"])
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["ulak.db.secret"]
    assert len(file.read_text()) >= 43


def test_the_file_is_its_owners_alone_whatever_the_process_allows(tmp_path):
    before = os.umask(0)
    try:
        Secret.beside(tmp_path / "ulak.db")
    finally:
        os.umask(before)

    assert stat.S_IMODE((tmp_path / "ulak.db.secret").stat().st_mode) == 0o600


def test_two_ledgers_have_two_secrets(tmp_path):
    assert Secret.beside(tmp_path / "a.db").digest(["x"]) != Secret.beside(tmp_path / "b.db").digest(["x"])


def test_a_file_with_a_line_break_at_its_end_is_the_same_secret(tmp_path):
    file = tmp_path / "ulak.db.secret"
    file.write_text("a secret that somebody typed\n")

    assert Secret.beside(tmp_path / "ulak.db").digest(["x"]) == Secret("a secret that somebody typed").digest(
        ["x"]
    )


@pytest.mark.parametrize("content", [b"", b"short", b"\xff" * 40], ids=["empty", "short", "no text"])
def test_a_file_that_holds_no_secret_is_a_sentence_and_is_left_alone(tmp_path, content):
    file = tmp_path / "ulak.db.secret"
    file.write_bytes(content)

    with pytest.raises(ConfigurationError) as caught:
        Secret.beside(tmp_path / "ulak.db")

    assert "ULAK_SECRET_KEY" in str(caught.value)
    assert file.read_bytes() == content


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path):
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(ConfigurationError, match=r"cannot be read: (NotADirectory|FileExists)Error"):
        Secret.beside(tmp_path / "file" / "ulak.db")


def test_a_loser_of_the_race_takes_the_winners_secret(tmp_path, monkeypatch):
    database = tmp_path / "ulak.db"
    unseen = [False]
    exists = Path.exists

    def not_yet(path):
        # The file appears right after this process has looked for it.
        if path.name == "ulak.db.secret" and not unseen[0]:
            unseen[0] = True
            path.write_text("the secret of the winner of the race")
            return False
        return exists(path)

    monkeypatch.setattr(Path, "exists", not_yet)

    assert Secret.beside(database).digest(["x"]) == Secret("the secret of the winner of the race").digest(
        ["x"]
    )
    assert [path.name for path in tmp_path.iterdir()] == ["ulak.db.secret"]
