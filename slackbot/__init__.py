"""The Slack bot over the same hooks as the Airflow provider."""
