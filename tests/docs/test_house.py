"""The map in CONTRIBUTING.md has every room, in the layers of the import contract."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| *(\d*) *\| `(\w+)` \|", re.MULTILINE)


def rows() -> list[tuple[str, str]]:
    """The layer and the room of each row of the map."""
    return ROW.findall((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))


def test_every_room_is_on_the_map_once() -> None:
    inside = (ROOT / "src" / "penstock").iterdir()
    rooms = {path.stem for path in inside if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert sorted(room for _, room in rows()) == sorted(rooms - {"__init__", "__main__"})


def test_layers_are_those_of_the_contract() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    wanted = [sorted(re.findall(r"penstock\.(\w+)", line)) for line in layers]
    shown: dict[int, list[str]] = {}
    for layer, room in rows():
        if layer:
            shown.setdefault(int(layer), []).append(room)
    assert [sorted(shown[layer]) for layer in sorted(shown, reverse=True)] == wanted
