"""The messaging engine: messages, vendors, the ledger and dispatch. It knows neither Airflow nor Slack."""
