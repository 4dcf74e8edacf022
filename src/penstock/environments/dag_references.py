"""Finds the connections and variables that a project's DAGs use, by static analysis of their files."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Kind = Literal["connection", "variable"]

FOLDERS = ("dags", "plugins", "include", "copies")
TEMPLATES = (".sql", ".sh")
PLANS = (".yaml", ".yml")
LAKE = "lake"  # without a connection of this name, the lake is a directory of the project

_ADDRESS = re.compile(r"(?P<connection>\w[\w.-]*):(?!//)")
# `source:schema.table`, of a list or a mapping that a loop of copies goes through
_TABLE = re.compile(r"(?P<connection>[A-Za-z][\w-]+):[A-Za-z_]\w*\.[A-Za-z_]\w*")
_COPIES = ("CopyOperator", "copy", "diff", "copy_all")
_GROUPS = ("dbt_task_group",)  # the target is named like the connection
_OWN_WORDS = frozenset({"conn_id", "connection", "connection_id"})
_DEFAULTS = frozenset({"default", "default_var"})


@dataclass(frozen=True, slots=True, order=True)
class Demand:
    """A reference to a connection or variable.

    Args:
        name: The name; None if it is computed at run time.
        file: Path relative to the project.
        optional: Whether the reference has a default.
    """

    kind: Kind
    name: str | None
    file: str
    line: int
    optional: bool = False

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


def demands(project_root: Path) -> tuple[Demand, ...]:
    """Return all references in the files of these folders of the project, by kind, name and place.

    Files with invalid Python are skipped, because Airflow reports them.

    Example:
        >>> demands(Path("/nowhere"))
        ()
    """
    found: set[Demand] = set()
    for folder in FOLDERS:
        for path in sorted((project_root / folder).rglob("*")):
            if path.suffix in (".py", *TEMPLATES, *PLANS) and path.is_file():
                text = path.read_text(encoding="utf-8", errors="replace")
                found.update(_asked_of(text, path.relative_to(project_root).as_posix()))
    return tuple(sorted(found, key=lambda one: (one.kind, one.name or "", one.file, one.line)))


def _asked_of(text: str, file: str) -> Iterator[Demand]:
    suffix = Path(file).suffix
    if suffix == ".py":
        yield from asked_in(text, file)
        return
    if suffix in PLANS:
        yield from asked_in_plan(text, file)
    yield from _templated(text, file, 1)


def asked_in_plan(text: str, file: str) -> Iterator[Demand]:
    r"""Yield the references in the YAML plan of an API or of a copy; none in other files.

    Example:
        >>> [one.name for one in asked_in_plan("source: weather:/data\nauth: {query: k, variable: key}", "w.yaml")]
        ['weather', 'key']
    """
    import yaml

    try:
        fields = _scalars(yaml.compose(text, Loader=yaml.SafeLoader))
    except yaml.YAMLError:
        return
    if ("source",) not in fields:
        return
    for path, (value, line) in fields.items():
        match = _ADDRESS.match(value)
        if path in (("source",), ("target",)):
            if match is not None and match["connection"] != LAKE:
                yield Demand("connection", match["connection"], file, line)
        elif path == ("limit", "shared") or (path == ("each", "connection") and ("each", "query") in fields):
            yield Demand("connection", value, file, line)
        elif path == ("auth", "variable"):
            yield Demand("variable", value, file, line)


def _scalars(node: Any, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], tuple[str, int]]:
    """The texts of a document's mappings with their lines, by their keys."""
    found: dict[tuple[str, ...], tuple[str, int]] = {}
    for key, value in node.value if getattr(node, "id", "") == "mapping" else ():
        place = (*path, str(key.value))
        if value.id == "scalar":
            found[place] = value.value, value.start_mark.line + 1
        else:
            found |= _scalars(value, place)
    return found


def asked_in(text: str, file: str) -> Iterator[Demand]:
    """Yield the references in the text of a DAG file.

    Example:
        >>> [one.name for one in asked_in("CopyOperator(source='shop:s.t', target='dwh:s.t')", "dag.py")]
        ['shop', 'dwh']
    """
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return
    reader = _Reader(file, _constants(tree))
    nodes = list(ast.walk(tree))
    if any(isinstance(node, ast.Call) and _name(node.func)[0] in _COPIES for node in nodes):
        yield from reader.collections(tree)
    for node in nodes:
        if isinstance(node, ast.Call):
            yield from reader.call(node)
        elif isinstance(node, ast.Dict):
            yield from reader.mapping(node)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from _templated(node.value, file, node.lineno)


class _Reader:
    def __init__(self, file: str, constants: Mapping[str, str]) -> None:
        self.file = file
        self.constants = constants

    def call(self, node: ast.Call) -> Iterator[Demand]:
        name, owner = _name(node.func)
        words = {word.arg: word.value for word in node.keywords if word.arg is not None}
        if name in _COPIES:
            ends = (
                words.get("source"),
                words.get("target"),
                *(node.args[:2] if name != "CopyOperator" else ()),
            )
            yield from (one for end in ends if end is not None for one in self.address(end))
        if name == "connect" and owner == "penstock":
            yield from (self.demand("connection", one) for one in node.args[:1])
        if name in _GROUPS and "target" in words:
            yield self.demand("connection", words["target"])
        if name in ("get_connection", "async_get_connection") or (name == "get" and owner == "Connection"):
            yield from (self.demand("connection", one) for one in node.args[:1])
        if name.endswith("Hook") and node.args and self.text(node.args[0]) is not None:
            yield self.demand("connection", node.args[0])
        if name == "get" and owner == "Variable":
            asked = words.get("key", node.args[0] if node.args else None)
            has_default = len(node.args) > 1 or bool(_DEFAULTS & words.keys())
            yield from [] if asked is None else [self.demand("variable", asked, optional=has_default)]
        yield from (
            self.demand("connection", value) for word, value in words.items() if _names_one(word, value)
        )

    def mapping(self, node: ast.Dict) -> Iterator[Demand]:
        """Yield references in a mapping, such as default arguments."""
        for key, value in zip(node.keys, node.values, strict=True):
            word = key.value if isinstance(key, ast.Constant) else None
            if isinstance(word, str) and _names_one(word, value) and self.text(value) is not None:
                yield self.demand("connection", value)

    def collections(self, tree: ast.Module) -> Iterator[Demand]:
        """Yield references in the module's lists and mappings of tables."""
        for node in tree.body:
            value = getattr(node, "value", None)
            if not isinstance(node, ast.Assign | ast.AnnAssign) or not isinstance(
                value, ast.List | ast.Tuple | ast.Set | ast.Dict
            ):
                continue
            for one in ast.walk(value):
                if not isinstance(one, ast.Constant) or not isinstance(one.value, str):
                    continue
                if (match := _TABLE.fullmatch(one.value)) is not None:
                    yield Demand("connection", match["connection"], self.file, one.lineno)

    def address(self, node: ast.expr) -> Iterator[Demand]:
        text = self.text(node) if not isinstance(node, ast.JoinedStr) else self.beginning(node)
        match = None if text is None else _ADDRESS.match(text)
        if match is not None and len(match["connection"]) > 1:  # a single letter is a drive
            name = match["connection"]
            yield Demand("connection", name, self.file, node.lineno, optional=name == LAKE)
        elif text is None:
            yield Demand("connection", None, self.file, node.lineno)

    def beginning(self, node: ast.JoinedStr) -> str | None:
        """Return the constant prefix of an f-string, with the file's constants substituted."""
        texts = [
            self.text(part.value if isinstance(part, ast.FormattedValue) else part) for part in node.values
        ]
        if texts[0] is None and texts[1:] and (texts[1] or "").startswith("/"):
            return "/"  # a path, whatever the directory
        known = texts[: texts.index(None)] if None in texts else texts
        beginning = "".join(text for text in known if text is not None)
        return beginning if len(known) == len(texts) or ":" in beginning or "/" in beginning else None

    def demand(self, kind: Kind, node: ast.expr, *, optional: bool = False) -> Demand:
        return Demand(kind, self.text(node), self.file, node.lineno, optional)

    def text(self, node: ast.expr) -> str | None:
        if isinstance(node, ast.Constant):
            return node.value if isinstance(node.value, str) else None
        return self.constants.get(node.id) if isinstance(node, ast.Name) else None


def _constants(tree: ast.Module) -> dict[str, str]:
    """Return module-level names that are assigned a string, or an f-string of such names."""
    found: dict[str, str] = {}
    for node in tree.body:
        if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
            continue
        text = _constant(node.value, found)
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if text is not None:
            found |= {one.id: text for one in targets if isinstance(one, ast.Name)}
    return found


def _constant(node: ast.expr, known: Mapping[str, str]) -> str | None:
    """The string that an expression stands for, if it is known."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.Name):
        return known.get(node.id)
    if isinstance(node, ast.JoinedStr):
        values = [one.value if isinstance(one, ast.FormattedValue) else one for one in node.values]
        texts = [_constant(one, known) for one in values]
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        texts = [_constant(node.left, known), _constant(node.right, known)]
    else:
        return None
    return None if None in texts else "".join(text for text in texts if text is not None)


def _name(func: ast.expr) -> tuple[str, str]:
    """Return the name of the called function, and the name before it."""
    if isinstance(func, ast.Attribute):
        return func.attr, _name(func.value)[0]
    return (func.id, "") if isinstance(func, ast.Name) else ("", "")


def _names_one(word: str, value: ast.expr) -> bool:
    is_none = isinstance(value, ast.Constant) and value.value is None
    return (word in _OWN_WORDS or word.endswith(("_conn_id", "_connection_id"))) and not is_none


def _templated(text: str, file: str, line: int) -> Iterator[Demand]:
    for kind, name, offset, optional in asked_in_templates(text):
        yield Demand(kind, name, file, line + offset, optional)


_TAG = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_ASKED = re.compile(
    r"""(?<![\w.'"])(?:
        var\.(?:value|json)\.(?!get\b)(?P<variable>\w+)
      | var\.(?:value|json)\.get\(\s*(?P<q1>['"])(?P<got>[^'"]+)(?P=q1)\s*(?P<default>,)?
      | conn\.(?!get\b)(?P<connection>\w+)
      | conn\.get\(\s*(?P<q2>['"])(?P<got_connection>[^'"]+)(?P=q2)
    )""",
    re.VERBOSE,
)

Asked = tuple[Literal["connection", "variable"], str, int, bool]


def asked_in_templates(text: str) -> Iterator[Asked]:
    """Yield kind, name, line (starting at 0) and whether a default is given.

    Example:
        >>> list(asked_in_templates("select {{ var.value.region }}, {{ var.value.get('day', ds) }}"))
        [('variable', 'region', 0, False), ('variable', 'day', 0, True)]
    """
    if "{{" not in text and "{%" not in text:
        return
    for tag in _TAG.finditer(text):
        for match in _ASKED.finditer(tag[0]):
            line = text.count("\n", 0, tag.start() + match.start())
            connection = match["connection"] or match["got_connection"]
            if connection is not None:
                yield "connection", connection, line, False
            else:
                yield "variable", match["variable"] or match["got"], line, match["default"] is not None
