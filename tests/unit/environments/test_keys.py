import stat
from pathlib import Path

import pytest

from penstock.environments import BadKey, MissingKey, TamperedSecret, WrongKey, load
from penstock.environments.file_edit import Draft
from penstock.environments.keys import Keys, find_keys, new_key
from penstock.environments.write import encrypt, encrypt_plain, rotate, save_variable

from .conftest import Write


def secret_project(write: Write) -> Path:
    root = write(base="", prod="inherits: base\n")
    save_variable(root, "base", "api_token", "hunter2")
    save_variable(root, "prod", "note", "tiger", secret=True)
    return root


def test_the_first_secret_makes_the_key(write: Write) -> None:
    root = secret_project(write)
    path = root / ".penstock" / "key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert (path.parent / ".gitignore").read_text() == "*\n"
    text = (root / "environments" / "base.yaml").read_text()
    assert text.startswith(f"variables:\n  api_token: enc:{find_keys(root).ids[0]}:gAAAA")
    assert load(root).variable("api_token") == "hunter2"


def test_the_key_may_come_from_a_variable(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    root = secret_project(write)
    key = root / ".penstock" / "key"
    monkeypatch.setenv("PENSTOCK_KEY", f"{new_key()},{key.read_text().strip()}")
    key.unlink()
    assert load(root).variable("api_token") == "hunter2"


def test_a_key_may_be_given(write: Write) -> None:
    root = secret_project(write)
    key = (root / ".penstock" / "key").read_text().strip()
    (root / ".penstock" / "key").unlink()
    assert load(root, key=key).variable("api_token") == "hunter2"


def test_missing_key(write: Write) -> None:
    root = secret_project(write)
    (root / ".penstock" / "key").unlink()
    environment = load(root)
    assert environment.explain("api_token")[0].value == "***"
    with pytest.raises(MissingKey, match=r"^environments/base.yaml:2: no key for a secret") as caught:
        environment.variable("api_token")
    assert "PENSTOCK_KEY" in str(caught.value.hint)


def test_no_second_key_is_made_where_the_first_is_missing(write: Write) -> None:
    root = secret_project(write)
    (root / ".penstock" / "key").unlink()
    with pytest.raises(MissingKey, match=r"^environments/base.yaml:2: missing key"):
        encrypt(root, "x")
    assert not (root / ".penstock" / "key").exists()


def test_wrong_key(write: Write) -> None:
    root = secret_project(write)
    right = find_keys(root).ids[0]
    (root / ".penstock" / "key").write_text(new_key())
    with pytest.raises(WrongKey, match=rf"^environments/base.yaml:2: .* with key {right},"):
        load(root).variable("api_token")


@pytest.mark.parametrize("damage", ["flip", "cut", "head", "word"])
def test_tampered_secret(write: Write, damage: str) -> None:
    root = secret_project(write)
    path = root / "environments" / "base.yaml"
    text = path.read_text().rstrip("\n")
    token = text.rpartition(":")[2]
    changed = {
        "flip": text[:-20] + ("A" if text[-20] != "A" else "B") + text[-19:],
        "cut": text[:-8],
        "head": text.replace("gAAAA", "hAAAA"),
        "word": text.replace(token, "gÄ"),
    }[damage]
    path.write_text(changed + "\n")
    with pytest.raises(TamperedSecret, match=r"^environments/base.yaml:2: ") as caught:
        load(root).variable("api_token")
    assert "hunter2" not in caught.value.message
    assert caught.value.__cause__ is None


def test_a_secret_without_its_key_name_is_none(write: Write) -> None:
    with pytest.raises(TamperedSecret, match="damaged encrypted secret"):
        load(write(base="variables: {token: 'enc:gAAAA'}\n"), key=new_key()).variable("token")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_others_may_not_read_the_key(write: Write, mode: int) -> None:
    root = secret_project(write)
    (root / ".penstock" / "key").chmod(mode)
    with pytest.raises(BadKey, match="other accounts can read") as caught:
        load(root).variable("api_token")
    assert str(caught.value.hint).startswith("chmod 600")


def test_what_is_no_key_is_not_shown(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    root = secret_project(write)
    monkeypatch.setenv("PENSTOCK_KEY", "hunter2")
    with pytest.raises(BadKey, match="PENSTOCK_KEY: key 1 is invalid") as caught:
        load(root).variable("api_token")
    assert "hunter2" not in caught.value.message


def test_rotation(write: Write) -> None:
    root = secret_project(write)
    before, running = find_keys(root), load(root, "prod")
    done = rotate(root)
    assert done.key == find_keys(root).ids[0] != before.ids[0]
    assert done.kept == before.ids
    assert (done.secrets, done.files) == (2, ("environments/base.yaml", "environments/prod.yaml"))
    prod = load(root, "prod")
    assert [prod.variable(name) for name in ("api_token", "note")] == ["hunter2", "tiger"]
    assert running.variable("note") == "tiger", "what was read before can still be decrypted"
    forgotten = rotate(root, forget=True)
    assert forgotten.kept == ()
    assert len(find_keys(root).ids) == 1
    assert load(root, "prod").variable("api_token") == "hunter2"
    with pytest.raises(WrongKey):
        running.variable("note")


def test_a_rotation_that_cannot_read_a_secret_changes_nothing(write: Write) -> None:
    root = secret_project(write)
    write(other=f"variables:\n  token: {Keys([new_key()]).encrypt('x')}\n")
    before = {
        path: path.read_bytes() for path in [*(root / "environments").iterdir(), root / ".penstock" / "key"]
    }
    with pytest.raises(WrongKey, match=r"other.yaml:2"):
        rotate(root)
    assert {path: path.read_bytes() for path in before} == before


def test_a_rotation_cut_short_is_done_again(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    root = secret_project(write)
    save = Draft.save
    saved: list[Draft] = []

    def dying(draft: Draft) -> bool:
        if saved:
            raise KeyboardInterrupt
        saved.append(draft)
        return save(draft)

    monkeypatch.setattr(Draft, "save", dying)
    with pytest.raises(KeyboardInterrupt):
        rotate(root)
    monkeypatch.undo()
    prod = load(root, "prod")
    assert [prod.variable(name) for name in ("api_token", "note")] == ["hunter2", "tiger"]
    rotate(root, forget=True)
    assert load(root, "prod").variable("api_token") == "hunter2"


def test_rotation_with_the_key_in_a_variable(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    root = secret_project(write)
    old = (root / ".penstock" / "key").read_text().strip()
    new = new_key()
    monkeypatch.setenv("PENSTOCK_KEY", f"{new},{old}")
    assert rotate(root).secrets == 2
    assert rotate(root).secrets == 0
    monkeypatch.setenv("PENSTOCK_KEY", new)
    assert load(root).variable("api_token") == "hunter2"
    assert (root / ".penstock" / "key").read_text().strip() == old


def test_plain_secrets_are_encrypted_in_place(write: Write) -> None:
    root = write(
        base="""
        connections:
          dwh: {type: postgres, password: hunter2, extra: {api_key: "ti: ger"}}  # ours
        # variables
        variables:
          token: 'lion'  # theirs
          region: eu
        """
    )
    assert [place.line for place in encrypt_plain(root, "base")] == [2, 2, 5]
    assert encrypt_plain(root, "base") == ()
    dwh = load(root).connection("dwh")
    assert dwh is not None
    assert dwh.password is not None
    assert (dwh.password.reveal(), dwh.extra["api_key"], load(root).variable("token")) == (
        "hunter2",
        "ti: ger",
        "lion",
    )
    text = (root / "environments" / "base.yaml").read_text()
    assert text.count("\n") == 6
    assert all(part in text for part in ("# ours\n", "# variables\n", "# theirs\n", "  region: eu\n"))
