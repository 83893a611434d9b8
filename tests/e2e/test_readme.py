"""README stays true: its DAG parses, its connections are read, its commands and files exist."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from airflow.sdk import Connection
from typer.main import get_command

from airflow_provider.cli.app import app
from airflow_provider.engine.vendors import COMMON_EXTRAS, VENDORS
from airflow_provider.hooks.connections import entry_of

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONNECTIONS = re.findall(r"`'(\{\"conn_type\".*?\})'`", README)


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_it_begins_with_the_two_commands():
    first = blocks("console")[0]

    assert [line.split("#")[0].strip() for line in first.splitlines()] == ["$ make demo", "$ make test"]


def test_its_dag_is_a_dag_of_two_tasks():
    names: dict[str, object] = {}
    exec(compile(blocks("python")[0], "README.md", "exec"), names)

    assert names["send"].downstream_task_ids == {"report"}
    assert names["send"].dag.task_ids == ["send", "report"]


def test_there_is_a_connection_for_each_vendor():
    assert [json.loads(text.replace("{...}", "{}"))["conn_type"] for text in CONNECTIONS] == list(VENDORS)


@pytest.mark.parametrize("text", CONNECTIONS)
def test_its_connections_use_fields_that_are_read(text):
    connection = Connection.from_json(text.replace("{...}", "{}"), conn_id="readme")
    entry = entry_of(connection)

    known = {extra.name for extra in (*entry.extras, *COMMON_EXTRAS)}
    assert set(connection.extra_dejson) <= known
    assert bool(connection.login) == bool(entry.login_label)
    assert connection.password


def test_its_commands_exist():
    command = get_command(app)
    lines = [line for block in blocks("console") for line in block.splitlines() if line.startswith("$ ulak ")]
    assert len(lines) > 6
    for line in lines:
        group = command
        for word in line.removeprefix("$ ulak ").split("#")[0].split():
            inner = getattr(group, "commands", {})
            if word not in inner:
                break
            group = inner[word]
        assert group is not command, line
        options = {option for parameter in group.params for option in parameter.opts}
        assert set(re.findall(r" (--[a-z-]+)", line.split("#")[0])) <= options, line


def test_what_it_shows_and_names_is_there():
    for path in re.findall(r"\]\(([\w./-]+)\)", README) + re.findall(
        r"`(examples/[\w./]+|airflow_provider/[\w./]+)`", README
    ):
        assert (ROOT / path).exists(), path
