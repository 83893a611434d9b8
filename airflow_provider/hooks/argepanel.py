"""The hook of Arge notification API."""

from __future__ import annotations

from airflow_provider.hooks.base import MessagingHook

__all__ = ["ArgepanelHook"]


class ArgepanelHook(MessagingHook):
    """Talk to Arge notification API; see :class:`~airflow_provider.hooks.base.MessagingHook`."""

    conn_type = "argepanel"
    default_conn_name = "argepanel_default"
    hook_name = "Arge notification API"
