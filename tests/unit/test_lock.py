import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "requirements.lock").read_text()


def test_every_requirement_is_pinned_and_hashed() -> None:
    entries = re.findall(r"^\S.*(?:\n +.*)*", re.sub(r"^#.*\n", "", LOCK, flags=re.MULTILINE), re.MULTILINE)
    assert len(entries) > 100
    for entry in entries:
        assert "==" in entry.splitlines()[0], entry
        assert "--hash=sha256:" in entry, entry


def test_no_registry_is_named() -> None:
    assert "://" not in LOCK
    assert "--index" not in LOCK


def test_everything_the_project_names_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    named = [
        *project["project"]["dependencies"],
        *(one for extra in project["project"]["optional-dependencies"].values() for one in extra),
        *project["dependency-groups"]["dev"],
        *project["build-system"]["requires"],
    ]
    locked = set(re.findall(r"^([a-z0-9-]+)==", LOCK.replace("_", "-"), re.MULTILINE))
    locked |= set(re.findall(r"^([a-z0-9-]+)\[[a-z]+\]==", LOCK, re.MULTILINE))
    wanted = {re.split(r"[\[<>=~]", one)[0].replace("_", "-") for one in named}
    assert wanted - locked == {"penstock"}  # the extra `all` names the others
