"""The steps of a copy: column mapping, cleaning, duplicates, load, account. Independent of databases and Airflow."""
