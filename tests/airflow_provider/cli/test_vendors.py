"""`ulak vendors`."""

from __future__ import annotations

import pytest

from airflow_provider.engine.vendors import VENDORS, load
from airflow_provider.engine.vendors.base import OPERATIONS, operations


def test_the_table_is_what_the_classes_have(ulak) -> None:
    header, *lines = ulak("vendors").out.splitlines()
    assert header.split() == ["operation", *VENDORS]
    rows = {line.split()[0]: line.split()[1:] for line in lines[: len(OPERATIONS)]}
    assert list(rows) == list(OPERATIONS)
    for place, key in enumerate(VENDORS):
        able = {written.name: written.beyond for written in operations(load(key))}
        for name, cells in rows.items():
            assert cells[place] == ("-" if name not in able else "beyond" if able[name] else "yes"), (
                key,
                name,
            )


def test_json_names_the_evidence_beyond_the_seed(ulak) -> None:
    found = {vendor["vendor"]: vendor for vendor in ulak("vendors", "--json").json}
    assert list(found) == list(VENDORS)
    turkeysms = {
        operation["name"]: operation["beyond_the_seed"] for operation in found["turkeysms"]["operations"]
    }
    assert turkeysms["send_sms"] is None
    assert turkeysms["sender_ids"]
    assert found["turkeysms"]["notice"] is None


@pytest.mark.parametrize("word", ["2020-12-31", "contract profile"])
def test_who_chooses_a_vendor_is_told_what_is_odd_about_it(ulak, word) -> None:
    assert word in ulak("vendors").out
    assert word in ulak("vendors", "--json").out


@pytest.mark.parametrize("columns", [80, 120])
def test_it_fits_the_terminal(ulak, monkeypatch, columns) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    assert max(map(len, ulak("vendors").out.splitlines())) <= columns
