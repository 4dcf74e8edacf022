"""Penstock inside Airflow: the operator, and dbt projects as task groups. The only package that imports Airflow."""
