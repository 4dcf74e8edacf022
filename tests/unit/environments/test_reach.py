import socket

import pytest

from penstock.environments.url_policy import NotAllowed, allowed, base_url, keeps_credentials
from penstock.model.connection import Connection
from penstock.model.errors import ConnectionFailed


def http(host: str | None = None, port: int | None = None, **extra: str) -> Connection:
    return Connection(name="api", type="http", host=host, port=port, extra=extra)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """What names resolve to; addresses resolve to themselves, as the system reads them."""
    known: dict[str, list[str]] = {}
    real = socket.getaddrinfo

    def getaddrinfo(host: str, port: int, **options: int) -> list[object]:
        found: list[object] = []
        for address in known.get(host, [host]):
            found += real(address, port, flags=socket.AI_NUMERICHOST, **options)
        return found

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return known


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://169.254.0.1/",
        "http://[fe80::1]/",
        "http://[::ffff:169.254.169.254]/",
        "http://[2002:a9fe:a9fe::]/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://[fd00:ec2::254]/",
        "http://100.100.100.200/",
        "http://168.63.129.16/",
        "http://2852039166/",
        "http://0xa9fea9fe/",
        "http://169.254.43518/",
        "http://0.0.0.0/",
        "http://[::]/",
        "http://224.0.0.1/",
        "http://user@169.254.169.254/",
        "http://example.com@169.254.169.254:80/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "ftp://example.com/",
        "example.com",
        "http://",
        "http://example.com:port/",
        "http://[::1",
    ],
)
def test_forbidden(names: dict[str, list[str]], url: str) -> None:
    with pytest.raises(NotAllowed):
        allowed(url, http())


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8080/x", "https://10.0.0.1/", "http://[::1]/", "https://93.184.216.34/a?b=c"]
)
def test_allowed(names: dict[str, list[str]], url: str) -> None:
    assert len(allowed(url, http())) == 1


def test_every_address_of_a_name_is_looked_at(names: dict[str, list[str]]) -> None:
    names["metadata.google.internal"] = ["169.254.169.254"]
    names["two.example.com"] = ["93.184.216.34", "169.254.169.254"]
    names["good.example.com"] = ["93.184.216.34", "2606:2800:220:1::1"]
    for host in ("metadata.google.internal", "two.example.com"):
        with pytest.raises(NotAllowed, match=rf"'api' may not reach {host}: 169.254.169.254 is a link-local"):
            allowed(f"http://{host}/", http())
    found = allowed("https://good.example.com/", http())
    assert [str(one) for one in found] == ["93.184.216.34", "2606:2800:220:1::1"]


@pytest.mark.parametrize(
    ("allow", "ok"),
    [
        ("metadata.internal", True),
        ("METADATA.internal , other", True),
        ("169.254.169.254", True),
        ("10.0.0.0/8, 169.254.0.0/16", True),
        ("169.254.169.253", False),
        ("internal", False),
        ("*", False),
        ("", False),
    ],
)
def test_allow_list(names: dict[str, list[str]], allow: str, ok: bool) -> None:
    names["metadata.internal"] = ["169.254.169.254"]
    if ok:
        assert allowed("http://metadata.internal/", http(allow=allow))
        return
    with pytest.raises(NotAllowed) as caught:
        allowed("http://metadata.internal/", http(allow=allow))
    assert caught.value.hint
    assert "--extra allow=169.254.169.254" in caught.value.hint


def test_a_name_that_does_not_resolve(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(ConnectionFailed, match=r"unknown host 'nowhere\.example'"):
        allowed("https://nowhere.example/", http())


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://api.example.com/v2", True),
        ("https://API.example.com:443/", True),
        ("http://api.example.com/v1", False),
        ("https://api.example.com:8443/", False),
        ("https://example.com/", False),
        ("https://api.example.com.evil.org/", False),
        ("https://api.example.com@evil.org/", False),
        ("https://files.example.com/", True),
        ("http://files.example.com/", False),
    ],
)
def test_credentials_stay_at_their_origin(url: str, kept: bool) -> None:
    api = http("https://api.example.com/v1", allow="files.example.com")
    assert keeps_credentials(url, api) is kept


@pytest.mark.parametrize(
    ("connection", "url"),
    [
        (http("https://api.example.com/v1"), "https://api.example.com/v1"),
        (http("https://api.example.com/v1", 8443), "https://api.example.com:8443/v1"),
        (http("api.example.com"), "http://api.example.com"),
        (http("api.example.com", 443), "https://api.example.com:443"),
        (http("api.example.com", scheme="https"), "https://api.example.com"),
    ],
)
def test_base_url(connection: Connection, url: str) -> None:
    assert base_url(connection) == url
