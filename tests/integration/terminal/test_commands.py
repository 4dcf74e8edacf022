"""Every command in every kind of terminal, as a module, in a pipe, and with a closed pipe."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.terminal.cases import CASES, Case, commands
from tests.integration.terminal.conftest import World
from tests.terminal import UTF8, C, Look, Starter, Terminal, flat

XTERM = {"TERM": "xterm-256color"}
LOOKS = {
    "usual": Look(),
    "narrow": Look(columns=40),
    "no color": Look(variables={**XTERM, "NO_COLOR": "1"}),
    "dumb": Look(variables={"TERM": "dumb"}),
    "C locale": Look(locale=C),
}
# What needs no terminal of its own is looked at together; `make soak` takes one thing at a time.
TOGETHER = {
    "usual": LOOKS["usual"],
    "narrow, no color, C locale": Look(columns=40, variables={**XTERM, "NO_COLOR": "1"}, locale=C),
    "dumb": LOOKS["dumb"],
}
OF_MODULE = ("narrow", "dumb")  # where it makes no difference: as `python -m penstock`

FAULTS = re.compile("Traceback|Exception ignored|Error in sys|BrokenPipe|Logging error")
# What sets a foreground or a background colour.
COLOR = re.compile(rb"\x1b\[(?:\d+;)*(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:;\d+)*m")
READER_GONE = 141


def test_every_command_has_a_case() -> None:
    assert sorted(CASES) == sorted(commands())


@pytest.fixture(params=sorted(CASES))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def words(name: str, case: Case, world: World) -> list[str]:
    return [*name.split(), *(word.format(rejected=world.rejected) for word in case.words)]


@pytest.fixture
def places(name: str, world: World, tmp_path: Path) -> Iterator[Path]:
    """A directory to run the command in, each time as if for the first time."""
    return (
        Path("/") if CASES[name].lost else world.project(tmp_path / f"shop-{number}") for number in range(20)
    )


@pytest.mark.parametrize(
    "looks",
    [pytest.param(TOGETHER, id="together"), pytest.param(LOOKS, id="one by one", marks=pytest.mark.soak)],
)
def test_in_a_terminal(  # fixtures
    name: str,
    looks: dict[str, Look],
    world: World,
    utf8: Starter,
    plain: Starter,
    places: Iterator[Path],
) -> None:
    case = CASES[name]
    for kind, look in looks.items():
        starter = utf8 if look.locale == UTF8 else plain
        with starter.terminal(
            words(name, case, world),
            look,
            cwd=next(places),
            variables=world.variables,
            module=kind.startswith(OF_MODULE),
        ) as terminal:
            assert terminal.end() == case.code, f"{kind}: {terminal.text}"
            says = [text.format(rejected=world.rejected) for text in case.says]
            # Python may write UTF-8 in a C locale all the same.
            plain_says = {text: text.encode("ascii", "backslashreplace").decode() for text in says}
            missing = [
                text
                for text in says
                if not any(flat(one) in terminal.flat for one in (text, plain_says[text]))
            ]
            assert not missing, f"{kind}: {missing} in\n{terminal.text}"
            check(kind, terminal)


def test_its_help_in_a_terminal(name: str, world: World, utf8: Starter, plain: Starter) -> None:
    for kind, look in LOOKS.items():
        if kind in ("narrow", "C locale") and name not in (
            "airflow",
            "dbt",
        ):  # whose help is another program's
            starter = utf8 if look.locale == UTF8 else plain
            with starter.terminal([*name.split(), "--help"], look, cwd=Path("/")) as terminal:
                assert terminal.end() == 0
                assert f"penstock {name}" in terminal.text
                for option in re.findall(r"(?<![\w-])--[a-z][a-z-]+", terminal.text):
                    assert "…" not in option
                assert "…" not in terminal.text  # nothing is cut off
                check(kind, terminal)


def check(kind: str, terminal: Terminal) -> None:
    """Properties of all output to a terminal of this kind."""
    assert not FAULTS.search(terminal.text), f"{kind}: {terminal.text}"
    assert not terminal.is_cursor_hidden
    if "no color" in kind:
        assert not COLOR.search(terminal.raw), terminal.raw
    if "dumb" in kind:
        assert b"\x1b" not in terminal.raw, terminal.raw
    if "C locale" in kind:
        # What the program draws; Python itself writes the user's data as UTF-8 there.
        assert terminal.raw.replace("ë".encode(), b"").isascii(), terminal.text


def test_in_a_pipe(name: str, world: World, utf8: Starter, plain: Starter, places: Iterator[Path]) -> None:
    case = CASES[name]
    for starter in (utf8, plain):
        done = starter.pipe(words(name, case, world), cwd=next(places), variables=world.variables)
        assert done.code == case.code, done
        assert not FAULTS.search(done.out + done.err), done
        assert "\x1b" not in done.out + done.err
        said = flat(done.out + done.err)
        assert [text for text in case.says if flat(text.format(rejected=world.rejected)) not in said] == []


def test_with_nobody_who_reads_it(name: str, world: World, utf8: Starter, places: Iterator[Path]) -> None:
    case = CASES[name]
    spoken = utf8.pipe(words(name, case, world), cwd=next(places), variables=world.variables)
    done = utf8.pipe(words(name, case, world), cwd=next(places), variables=world.variables, closed=True)
    assert not FAULTS.search(done.err), done
    if name == "env exec":  # another program, which the pipe kills or not
        return
    assert done.code == (READER_GONE if spoken.out else case.code), done
