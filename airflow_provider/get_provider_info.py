"""What Airflow learns of this provider, derived from the vendor registry.

Airflow calls it during its own import, so only the standard library and the registry are imported.
"""

from __future__ import annotations

from typing import Any

from airflow_provider import __version__
from airflow_provider.engine.vendors import COMMON_EXTRAS, VENDORS, Entry, Extra

__all__ = ["get_provider_info"]

_INTEGRATION = "Ulak"
_KINDS = {
    "string": "string",
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
    "json": "string",
}


def get_provider_info() -> dict[str, Any]:
    """Return the provider's metadata in the shape of Airflow's provider_info.schema.json."""
    operators = ("account", "email", "sms", "whatsapp")
    return {
        "package-name": "ulak",
        "name": "Ulak",
        "description": "SMS, e-mail and WhatsApp through five Turkish messaging vendors; nothing is sent twice.",
        "integrations": [
            {
                "integration-name": _INTEGRATION,
                "external-doc-url": "https://github.com/ulak-messaging/ulak#readme",
                "tags": ["service"],
            }
        ],
        "operators": [
            {
                "integration-name": _INTEGRATION,
                "python-modules": [f"airflow_provider.operators.{name}" for name in operators],
            }
        ],
        "hooks": [
            {
                "integration-name": _INTEGRATION,
                "python-modules": [entry.hook_class.rpartition(".")[0] for entry in VENDORS.values()],
            }
        ],
        "connection-types": [_connection_type(entry) for entry in VENDORS.values()],
        "config": {"ulak": _configuration()},
    }


def _connection_type(entry: Entry) -> dict[str, Any]:
    relabeling = {"host": "Base URL", "password": entry.secret_label}
    placeholders = {"host": entry.base_url or "https://... (as the vendor told you)"}
    hidden = ["schema", "port"]
    if entry.login_label:
        relabeling["login"] = entry.login_label
    else:
        hidden.append("login")
    if entry.notice:
        placeholders["description"] = entry.notice
    return {
        "connection-type": entry.key,
        "hook-class-name": entry.hook_class,
        "hook-name": entry.title,
        "ui-field-behaviour": {
            "hidden-fields": hidden,
            "relabeling": relabeling,
            "placeholders": placeholders,
        },
        "conn-fields": {extra.name: _field(extra, entry) for extra in (*entry.extras, *COMMON_EXTRAS)},
    }


def _field(extra: Extra, entry: Entry) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": [_KINDS[extra.kind], "null"]}
    if extra.choices:
        schema["enum"] = [*extra.choices, None]
    if extra.secret:
        schema["format"] = "password"
    elif extra.kind == "json":
        schema["format"] = "multiline"
    notice = f" {entry.notice}" if entry.notice and extra is (*entry.extras, *COMMON_EXTRAS)[0] else ""
    return {"label": extra.label, "description": extra.description + notice, "schema": schema}


def _configuration() -> dict[str, Any]:
    return {
        "description": "Where Ulak keeps its ledger, the record that keeps every message from going out twice.",
        "options": {
            "ledger_url": {
                "description": (
                    "SQLAlchemy URL of the ledger. An SQLite file in AIRFLOW_HOME when empty, which serves one machine."
                    " The environment variable ULAK_LEDGER_URL comes first."
                ),
                "version_added": __version__,
                "type": "string",
                "example": "sqlite:////var/lib/ulak/ulak.db",
                "default": "",
                "sensitive": True,
            },
            "secret_key": {
                "description": (
                    "The installation's secret, at least 16 characters, the same for every process, kept outside the"
                    " ledger. The environment variable ULAK_SECRET_KEY comes first. For an SQLite ledger it is made by"
                    " itself when empty."
                ),
                "version_added": __version__,
                "type": "string",
                "example": None,
                "default": "",
                "sensitive": True,
            },
        },
    }
