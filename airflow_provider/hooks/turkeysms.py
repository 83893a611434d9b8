"""The hook of TurkeySMS."""

from __future__ import annotations

from airflow_provider.hooks.base import MessagingHook

__all__ = ["TurkeySmsHook"]


class TurkeySmsHook(MessagingHook):
    """Talk to TurkeySMS; see :class:`~airflow_provider.hooks.base.MessagingHook`."""

    conn_type = "turkeysms"
    default_conn_name = "turkeysms_default"
    hook_name = "TurkeySMS"
