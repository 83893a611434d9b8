"""Every golden exchange against the vendor's class, and the sandbox against the golden exchanges."""

from __future__ import annotations
