"""What Airflow is told of this provider, held against Airflow's own schemas and against the vendor registry."""

from __future__ import annotations

import importlib
import importlib.util
import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from airflow_provider import __version__
from airflow_provider.engine.vendors import COMMON_EXTRAS, VENDORS, Entry, Extra
from airflow_provider.get_provider_info import get_provider_info

ROOT = Path(__file__).parents[2]
INFO = get_provider_info()
CONNECTION_TYPES = {item["connection-type"]: item for item in INFO["connection-types"]}


def _airflows(schema: str) -> dict[str, Any]:
    # Found without importing Airflow, which takes seconds.
    place = importlib.util.find_spec("airflow").submodule_search_locations[0]
    return json.loads((Path(place) / schema).read_text(encoding="utf-8"))


def test_the_whole_is_as_airflow_wants_it() -> None:
    jsonschema.validate(INFO, _airflows("provider_info.schema.json"))


@pytest.mark.parametrize("key", VENDORS)
def test_each_connection_type_is_as_airflow_wants_it(key) -> None:
    item = _airflows("provider.yaml.schema.json")["properties"]["connection-types"]["items"]
    jsonschema.validate(CONNECTION_TYPES[key], item)


def test_it_names_the_distribution_and_stands_behind_its_entry_point() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert INFO["package-name"] == project["name"]
    (target,) = project["entry-points"]["apache_airflow_provider"].values()
    module, _, name = target.partition(":")
    assert getattr(importlib.import_module(module), name) is get_provider_info


def test_every_module_and_class_it_names_exists() -> None:
    for kind in ("operators", "hooks"):
        for item in INFO[kind]:
            for name in item["python-modules"]:
                assert importlib.import_module(name).__all__


def test_it_names_every_module_of_operators_and_hooks() -> None:
    package = ROOT / "airflow_provider"
    operators = {path.stem for path in (package / "operators").glob("*.py")}
    hooks = {path.stem for path in (package / "hooks").glob("*.py")}
    shared = {"__init__", "arguments", "base", "calling", "connections", "installation", "runtime"}
    assert _named("operators") == operators - {"__init__", "base"}
    assert _named("hooks") == hooks - shared


def _named(kind: str) -> set[str]:
    return {name.rpartition(".")[2] for item in INFO[kind] for name in item["python-modules"]}


# --- forms ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", VENDORS)
def test_a_form_has_the_fields_of_the_registry_and_no_others(key) -> None:
    entry, item = VENDORS[key], CONNECTION_TYPES[key]
    behaviour = item["ui-field-behaviour"]
    expected = {extra.name: extra for extra in (*entry.extras, *COMMON_EXTRAS)}
    assert item["conn-fields"].keys() == expected.keys()
    for name, field in item["conn-fields"].items():
        assert field["label"] == expected[name].label
        assert field["description"].startswith(expected[name].description)
        assert "null" in field["schema"]["type"], "every field may stay empty"
        assert (field["schema"].get("format") == "password") is expected[name].secret
        assert field["schema"].get("enum", [None])[:-1] == list(expected[name].choices)
    assert behaviour["relabeling"]["password"] == entry.secret_label
    assert behaviour["relabeling"].get("login", "") == entry.login_label
    assert ("login" in behaviour["hidden-fields"]) is (not entry.login_label)
    assert {"schema", "port"} <= set(behaviour["hidden-fields"])


@pytest.mark.parametrize("key", [key for key, entry in VENDORS.items() if entry.notice])
def test_a_warning_about_a_vendor_stands_in_its_form(key) -> None:
    item, notice = CONNECTION_TYPES[key], VENDORS[key].notice
    assert item["ui-field-behaviour"]["placeholders"]["description"] == notice
    assert sum(notice in field["description"] for field in item["conn-fields"].values()) == 1


@pytest.mark.parametrize("key", VENDORS)
def test_airflow_can_make_the_hook_of_each_connection_type(key) -> None:
    entry, item = VENDORS[key], CONNECTION_TYPES[key]
    module, _, name = item["hook-class-name"].rpartition(".")
    hook = getattr(importlib.import_module(module), name)
    assert (hook.conn_type, hook.hook_name) == (key, item["hook-name"]) == (key, entry.title)
    assert hook.default_conn_name == f"{key}_default"
    assert hook(**{hook.conn_name_attr: "mine"}).conn_id == "mine"
    assert "__" not in key
    assert key == key.lower()


@pytest.mark.parametrize(
    "extra",
    [extra for extra in (*COMMON_EXTRAS, *(e for v in VENDORS.values() for e in v.extras)) if extra.secret],
)
def test_airflow_redacts_our_secret_fields_by_their_names(extra: Extra) -> None:
    from airflow.sdk._shared.secrets_masker import redact, should_hide_value_for_key

    assert should_hide_value_for_key(extra.name)
    assert redact({extra.name: "http://user:hunter2@proxy"}) == {extra.name: "***"}


# --- configuration --------------------------------------------------------------------------------------


def test_every_option_says_all_that_airflow_asks_of_it() -> None:
    options = INFO["config"]["ulak"]["options"]
    assert set(options) == {"ledger_url", "secret_key"}
    for option in options.values():
        assert {"description", "version_added", "type", "example", "default"} <= option.keys()
        assert option["sensitive"] is True
        assert option["version_added"] == __version__


# --- a vendor that was added by half --------------------------------------------------------------------


def _lacks(entry: Entry) -> Iterator[str]:
    """Say what a vendor of the registry lacks."""
    for what, path in (("its class", entry.vendor_class), ("its hook", entry.hook_class)):
        module, _, name = path.rpartition(".")
        if importlib.util.find_spec(module) is None or not hasattr(importlib.import_module(module), name):
            yield f"{what} {path}"
    if importlib.util.find_spec(f"airflow_provider.sandbox.{entry.key}") is None:
        yield f"its stand-in airflow_provider/sandbox/{entry.key}.py"
    else:
        from airflow_provider.sandbox.app import SandboxApp

        if entry.key not in SandboxApp(lambda: 0.0).vendors:
            yield "its place in airflow_provider/sandbox/app.py"
    from airflow_provider.sandbox.connections import connections

    if connections("http://127.0.0.1").get(f"{entry.key}_default", {}).get("conn_type") != entry.key:
        yield f"{entry.key}_default in airflow_provider/sandbox/connections.py"
    if not list((ROOT / "tests/vendors/golden" / entry.key).glob("*.json")):
        yield f"its golden exchanges in tests/vendors/golden/{entry.key}/"


def test_no_vendor_was_added_by_half() -> None:
    assert {key: lacking for key, entry in VENDORS.items() if (lacking := list(_lacks(entry)))} == {}


def test_a_vendor_that_is_only_registered_lacks_all_the_rest() -> None:
    sixth = Entry(
        key="sixth",
        title="Sixth",
        vendor_class="airflow_provider.engine.vendors.sixth.Sixth",
        hook_class="airflow_provider.hooks.turkeysms.SixthHook",
        seed="none.txt",
        base_url="",
        secret_label="API key",
    )
    assert list(_lacks(sixth)) == [
        "its class airflow_provider.engine.vendors.sixth.Sixth",
        "its hook airflow_provider.hooks.turkeysms.SixthHook",
        "its stand-in airflow_provider/sandbox/sixth.py",
        "sixth_default in airflow_provider/sandbox/connections.py",
        "its golden exchanges in tests/vendors/golden/sixth/",
    ]


def test_the_registry_is_keyed_by_its_own_keys_and_seeds() -> None:
    assert list(VENDORS) == [entry.key for entry in VENDORS.values()]
    assert len({entry.seed for entry in VENDORS.values()}) == len(VENDORS)
