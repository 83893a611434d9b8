"""The hook of VatanSMS WhatsApp."""

from __future__ import annotations

from airflow_provider.hooks.base import MessagingHook

__all__ = ["VatanSmsHook"]


class VatanSmsHook(MessagingHook):
    """Talk to VatanSMS WhatsApp; see :class:`~airflow_provider.hooks.base.MessagingHook`."""

    conn_type = "vatansms"
    default_conn_name = "vatansms_default"
    hook_name = "VatanSMS WhatsApp"
