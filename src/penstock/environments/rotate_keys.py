"""Rotates the key of a project's secrets."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from penstock.environments.errors import Place
from penstock.environments.file_edit import Draft
from penstock.environments.inheritance import environment_names
from penstock.environments.keys import VARIABLE, Keys, find_keys, is_encrypted, key_of, new_key, write_keys


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
