"""The hook of BaslikliSMS."""

from __future__ import annotations

from airflow_provider.hooks.base import MessagingHook

__all__ = ["BaslikliSmsHook"]


class BaslikliSmsHook(MessagingHook):
    """Talk to BaslikliSMS; see :class:`~airflow_provider.hooks.base.MessagingHook`."""

    conn_type = "basliklisms"
    default_conn_name = "basliklisms_default"
    hook_name = "BaslikliSMS"
