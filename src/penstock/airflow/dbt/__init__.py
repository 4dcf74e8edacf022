"""dbt projects as task groups. Its modules load neither Airflow nor Cosmos until a task group is asked for."""
