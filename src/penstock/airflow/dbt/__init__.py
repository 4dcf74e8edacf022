"""dbt projects as task groups. Airflow and Cosmos are imported only when a task group is built."""
