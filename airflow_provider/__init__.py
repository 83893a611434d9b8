"""Ulak: SMS, e-mail and WhatsApp for Apache Airflow through five Turkish messaging vendors.

Airflow imports this package during its own import, so it holds a version and nothing else.
"""

from __future__ import annotations

__version__ = "0.1.0"
