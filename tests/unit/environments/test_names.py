import pytest

from penstock.environments.secret_detection import Extra, holds_secret, looks_secret, masked


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "DB_PASSWORD",
        "api_key",
        "apiKey",
        "APIKey",
        "slack-token",
        "client_secret",
        "aws_secret_access_key",
        "private_key",
        "private_key_content",
        "extra__keyfile_dict",
        "session.token",
        "passphrase",
        "fernet_key",
    ],
)
def test_secret_names(name: str) -> None:
    assert looks_secret(name)


@pytest.mark.parametrize(
    "name",
    [
        "host",
        "aws_access_key_id",
        "token_url",
        "sort_key",
        "primary_key",
        "key",
        "secret_name",
        "password_file",
        "region",
        "keyspace",
        "tokens_per_minute",
        "",
        "_",
        "42",
    ],
)
def test_other_names(name: str) -> None:
    assert not looks_secret(name)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgres://etl:hunter2@db/dwh", "postgres://etl:***@db/dwh"),
        ("postgres://:hunter2@db", "postgres://:***@db"),
        ("https://example.com:8080/a@b", None),
        ("https://etl@example.com/", None),
        ("mailto:a@b.c", None),
    ],
)
def test_passwords_in_addresses(text: str, shown: str | None) -> None:
    assert holds_secret("url", text) is (shown is not None)
    assert masked("url", text) == (shown or text)


def test_extra_is_a_dictionary_that_masks() -> None:
    extra = Extra({"a": "1", "token": "2", "odd": "3"}, frozenset({"odd"}))
    assert extra == {"a": "1", "token": "2", "odd": "3"}
    assert repr(extra) == str(extra) == f"{extra}" == "{'a': '1', 'token': '***', 'odd': '***'}"
