"""Airflow hooks: one class per vendor over one base."""
