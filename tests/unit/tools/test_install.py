"""What `make install` hands on from pip to uv."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def test_settings_of_pip_are_passed_on_to_uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = spec_from_file_location("install", ROOT / "tools" / "install.py")
    assert spec is not None
    assert spec.loader is not None
    install = module_from_spec(spec)
    spec.loader.exec_module(install)
    settings = tmp_path / "pip.conf"
    settings.write_text("[global]\ncert = /etc/company.pem\nindex-url = https://packages.internal/simple\n")
    for name in ("PIP_CERT", "PIP_INDEX_URL", "SSL_CERT_FILE", "UV_DEFAULT_INDEX", "UV_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(settings))
    absent = install.environment(tmp_path / "no-python-yet")
    assert "SSL_CERT_FILE" not in absent
    found = install.environment(Path(sys.executable))
    assert found["SSL_CERT_FILE"] == "/etc/company.pem"
    assert found["UV_DEFAULT_INDEX"] == "https://packages.internal/simple"
