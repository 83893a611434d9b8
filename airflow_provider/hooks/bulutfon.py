"""The hook of Bulutfon."""

from __future__ import annotations

from airflow_provider.hooks.base import MessagingHook

__all__ = ["BulutfonHook"]


class BulutfonHook(MessagingHook):
    """Talk to Bulutfon; see :class:`~airflow_provider.hooks.base.MessagingHook`."""

    conn_type = "bulutfon"
    default_conn_name = "bulutfon_default"
    hook_name = "Bulutfon"
