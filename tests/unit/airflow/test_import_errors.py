from pathlib import Path

from penstock.airflow.dag_checks import cause, message, place

ROOT = Path("/srv/shop")
DAG = ROOT / "dags" / "sales.py"
CHAINED = """Traceback (most recent call last):
  File "<frozen importlib._bootstrap>", line 241, in _call_with_frames_removed
  File "/srv/shop/dags/sales.py", line 4, in <module>
    from include.rates import RATES
  File "/srv/shop/include/rates.py", line 7, in <module>
    RATES = read()
  File "/usr/lib/python3/site-packages/rates.py", line 70, in read
    raise KeyError("EUR")
KeyError: 'EUR'

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/srv/shop/dags/sales.py", line 6, in <module>
    raise Missing(
sales.Missing: no rate
hint: ask the bank
"""
SYNTAX = """Traceback (most recent call last):
  File "<frozen importlib._bootstrap>", line 241, in _call_with_frames_removed
  File "/srv/shop/dags/sales.py", line 2
    def x(:
          ^
SyntaxError: invalid syntax
"""


def test_the_last_error_counts_with_all_its_words() -> None:
    assert message(CHAINED) == "sales.Missing: no rate hint: ask the bank"
    assert message(SYNTAX) == "SyntaxError: invalid syntax"
    assert message("Cycle detected") == "Cycle detected"


def test_the_place_is_the_last_one_in_files_of_the_project() -> None:
    assert place(CHAINED, DAG, ROOT) == ("dags/sales.py", 6)
    first = CHAINED.partition("\n\n")[0]
    assert place(first, DAG, ROOT) == ("include/rates.py", 7)
    assert cause(SYNTAX, DAG, ROOT) == "dags/sales.py:2: SyntaxError: invalid syntax"


def test_packages_of_an_environment_in_the_project_are_not_the_projects() -> None:
    report = 'Traceback:\n  File "/srv/shop/.venv/lib/x.py", line 9, in y\nValueError: x'
    assert cause(report, DAG, ROOT) == "dags/sales.py: ValueError: x"
