"""The story of one copy: contract, clean, settle repeats, load, account. Knows no database and no Airflow."""
