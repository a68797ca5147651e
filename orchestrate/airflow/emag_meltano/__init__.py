"""What the DAGs in `emag_dags.py` are made of; only `operator` needs Airflow."""
