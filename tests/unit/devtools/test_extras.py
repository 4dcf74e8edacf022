"""The extra `all` of a project's requirements stands for the extras that it names."""

from pathlib import Path

import pytest

from penstock.devtools.doctor import config
from penstock.project import Project

REQUIRES = [
    "boto3>=1.35; extra == 's3'",
    "no-such-package>=8; extra == 'test'",
    "penstock[s3,test]; extra == 'all'",
]


def test_all_is_every_extra_that_it_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "requires", lambda _: REQUIRES)
    (tmp_path / "requirements.txt").write_text("penstock[all]\n")
    found = {one.what: one for one in config.missing_extras(Project(tmp_path))}
    assert set(found) == {"extra s3", "extra test"}
    assert "no-such-package" in found["extra test"].message
