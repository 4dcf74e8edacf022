"""Changes environment files: connections, variables, secrets and the key that encrypts them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from penstock.environments.environment import Environment
from penstock.environments.errors import MissingKey, Place
from penstock.environments.file_edit import Draft
from penstock.environments.inheritance import environment_names, merge_lineage, read_lineage
from penstock.environments.keys import (
    VARIABLE,
    Keys,
    find_keys,
    is_encrypted,
    key_of,
    new_key,
    write_keys,
)
from penstock.environments.layer import EXTRA
from penstock.environments.secret_detection import holds_secret


def save_connection(root: Path, environment: str, name: str, fields: Mapping[str, str | None]) -> str:
    """Set fields of a connection in an environment file, and encrypt secrets among them.

    Args:
        fields: Values by field name (``extra.NAME`` for extra fields); None removes a field, even an inherited one.

    Returns:
        The file that was written.

    Raises:
        PenstockError: The result would be invalid, or the key is missing. Nothing was written.
    """
    draft = Draft(root, environment)
    for field, text in fields.items():
        path = _path(draft, name, field)
        if text is None:
            draft.remove(path)
        else:
            draft.put(path, _closed(root, path[-1], text))
    for field, text in fields.items():
        if text is None and field in _outlook(root, draft).shown(name):
            draft.put(_path(draft, name, field), None)
    _outlook(root, draft).shown(name)
    draft.save()
    return draft.shown


def remove_connection(root: Path, environment: str, name: str) -> str:
    """Remove a connection from an environment, and exclude it if it is inherited.

    Returns:
        The file that was written.
    """
    return _remove(root, environment, ("connections", name), Environment.connection_names)


def save_variable(root: Path, environment: str, name: str, text: str, *, secret: bool = False) -> str:
    """Set a variable in an environment file; it is encrypted if `secret` is set or its name suggests a secret.

    Returns:
        The file that was written.
    """
    draft = Draft(root, environment)
    draft.put(("variables", name), encrypt(root, text) if secret else _closed(root, name, text))
    draft.save()
    return draft.shown


def remove_variable(root: Path, environment: str, name: str) -> str:
    """Remove a variable from an environment, and exclude it if it is inherited.

    Returns:
        The file that was written.
    """
    return _remove(root, environment, ("variables", name), Environment.variable_names)


def encrypt(root: Path, text: str) -> str:
    """Encrypt a text for a file of the project. The first secret of a project creates its key.

    Raises:
        MissingKey: The project already has secrets, and their key is missing.
    """
    return _encrypting_keys(root).encrypt(text)


def encrypt_plain(root: Path, environment: str) -> tuple[Place, ...]:
    """Encrypt all plain-text secrets in an environment file.

    Returns:
        The places of these secrets.
    """
    draft = Draft(root, environment)
    plain = draft.file.plain
    contents = draft.contents()
    for secret in plain:
        draft.put(secret.path, encrypt(root, contents[secret.path] or ""))
    draft.save()
    return tuple(secret.place for secret in plain)


def _remove(
    root: Path, environment: str, path: tuple[str, str], names: Callable[[Environment], Collection[str]]
) -> str:
    draft = Draft(root, environment)
    draft.remove(path)
    if path[1] in names(_outlook(root, draft)):  # inherited
        draft.put(path, None)
    draft.save()
    return draft.shown


def _encrypting_keys(root: Path) -> Keys:
    keys = find_keys(root)
    if keys.ids:
        return keys
    for name in environment_names(root):
        draft = Draft(root, name)
        for path, text in draft.contents().items():
            if text is not None and is_encrypted(text):
                raise MissingKey(
                    Place(name, draft.shown, draft.line(path)),
                    "missing key for the project's existing secrets",
                    hint=f"put the team's key into .penstock/key or into {VARIABLE}",
                )
    return write_keys(root, [new_key()])


def _closed(root: Path, name: str, text: str) -> str:
    return encrypt(root, text) if holds_secret(name, text) and not is_encrypted(text) else text


def _path(draft: Draft, name: str, field: str) -> tuple[str, ...]:
    if field.startswith(EXTRA):
        return "connections", name, "extra", field.removeprefix(EXTRA)
    if field == "database" and draft.has(("connections", name, "schema")):
        field = "schema"
    return "connections", name, field


def _outlook(root: Path, draft: Draft) -> Environment:
    """Return the environment as it would be after saving the draft."""
    layer = merge_lineage(read_lineage(root, draft.environment, draft.file))
    return Environment(draft.environment, layer, lambda: find_keys(root))


@dataclass(frozen=True, slots=True)
class Rotation:
    """The result of a key rotation.

    Args:
        key: Id of the new key.
        secrets: Number of re-encrypted secrets.
        files: Files of the re-encrypted secrets.
        kept: Ids of old keys that still decrypt.
    """

    key: str
    secrets: int
    files: tuple[str, ...]
    kept: tuple[str, ...]


def rotate(root: Path, *, forget: bool = False) -> Rotation:
    """Encrypt every secret of every environment with a new key.

    The new key is written first and the old keys stay, so concurrent readers can decrypt both. If ``PENSTOCK_KEY`` is
    set, its first key is used instead of a new one.

    Args:
        forget: Remove the old keys at the end. Secrets in older copies of the files can then not be decrypted.

    Raises:
        SecretProblem: A secret cannot be decrypted. Nothing was changed.
    """
    old = find_keys(root)
    given = old.origin == VARIABLE
    keys = old if given else Keys((new_key(), *old.texts), old.origin)
    drafts = [Draft(root, name) for name in environment_names(root)]
    changed = {draft.shown: _encrypt_anew(draft, keys) for draft in drafts}
    if not given:
        write_keys(root, keys.texts)
    for draft in drafts:
        draft.save()
    if forget and not given:
        keys = write_keys(root, keys.texts[:1])
    files = tuple(shown for shown, count in changed.items() if count)
    return Rotation(keys.ids[0], sum(changed.values()), files, keys.ids[1:])


def _encrypt_anew(draft: Draft, keys: Keys) -> int:
    count = 0
    for path, text in draft.contents().items():
        if text is not None and is_encrypted(text) and key_of(text) != keys.ids[0]:
            place = Place(draft.environment, draft.shown, draft.line(path))
            draft.put(path, keys.encrypt(keys.decrypt(text, place)))
            count += 1
    return count
