"""Airflow operators: send, ask and link."""
