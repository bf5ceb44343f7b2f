"""A database's URL in messages: no form of it shows its password, and none ends a command badly."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy.engine import make_url
from typer.testing import CliRunner

from eldermall import EldermallError, Invalid, Mall
from eldermall.adapters.storage.urls import shown_url
from eldermall.cli import app
from eldermall.plugins import HookCall
from tests import shop

FORMS = [
    "{s}://u:{p}@127.0.0.1:1/d",
    "{s}://:{p}@127.0.0.1:1/d",
    "{s}://u:{p}@127.0.0.1:abc/d",
    "{s}://u:{p}@127.0.0.1:99999999999999999999/d",
    "{s}://u:{p}@127.0.0.1:-1/d",
    "{s}://u:{p}@[::1]:1/d",
    "{s}://u:{p}@127.0.0.1:1,127.0.0.1:2/d",
    "{s}://u/v:{p}@127.0.0.1/d",
    "{s}://u:{p}",
    "{s}://127.0.0.1:{p}/d",
    "{s}:u:{p}@127.0.0.1/d",
    "{s}:/u:{p}@127.0.0.1/d",
    "{s}://127.0.0.1:1/d?password={p}",
    "{s}://127.0.0.1:1/d?password={p}&password={p}",
    "{s}://u@127.0.0.1:1/d?x=1&passwd={p}",
    "{s}://u@127.0.0.1:1/d?passwrd={p}",
    "{s}://u@127.0.0.1:1/d?connect_timeout={p}",
    "{s}://u:x@127.0.0.1:1/d?sslpassword={p}&port=x",
    "{s}://127.0.0.1:1/d;password={p}",
    "host=127.0.0.1 port=1 password={p}",
]
BEFORE_A_HOST = ["{s}://u:{p}", "{s}://127.0.0.1:{p}/d"]
"""What an ``@`` makes another URL of, that has a host: nobody can tell that it was a password's."""

SCHEMES = [
    "sqlite", "postgresql", "postgresql+psycopg", "mariadb", "mariadb+pymysql", "oracle", "postgres"
]

secrets = st.text("/#?@:%&=;[], 密\x1b", max_size=6).map(lambda odd: f"s3cr3t{odd}t41l")
urls = st.builds(
    lambda form, scheme, secret, quoted: form.format(
        s=scheme, p=quote(secret, safe="") if quoted or form in BEFORE_A_HOST else secret
    ),
    st.sampled_from(FORMS), st.sampled_from(SCHEMES), secrets, st.booleans(),
)


def is_hidden(text: str) -> bool:
    return "s3cr3t" not in text and "t41l" not in text


@given(urls)
@example("postgresql://u:s3cr3t@t41l@127.0.0.1/d")
@example("xsqlite:///s3cr3t:@\udcfft41l")
def test_no_form_of_a_url_shows_its_password(url: str) -> None:
    assert is_hidden(shown_url(url))


@given(urls)
@example("postgresql://127.0.0.1:1/d?password=s3cr3t@t41l")
@example("postgresql://u@127.0.0.1:1/d?connect_timeout=s3cr3tt41l")
def test_no_error_and_no_trace_shows_a_password(url: str) -> None:
    calls: list[HookCall] = []
    with pytest.raises(EldermallError) as wrong:
        shop.open_mall(url, trace=calls.append)
    assert is_hidden(wrong.value.text.zh + wrong.value.text.en + str(wrong.value))
    assert is_hidden("".join(map(str, calls)))


@pytest.mark.parametrize("form", FORMS)
def test_no_command_shows_a_password_or_ends_with_a_traceback(form: str) -> None:
    for scheme in ("sqlite", "postgresql", "mariadb"):
        url = form.format(s=scheme, p="s3cr3t@#/t41l")
        done = CliRunner().invoke(app, ["db", "check", url], env={"LANG": "en"})
        with shop.telling(url):
            assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (2, "", 1)
            assert is_hidden(done.stderr)


def test_a_url_that_is_no_text_isnt_shown() -> None:
    for url in (b"postgresql://u:s3cr3t@h/d", make_url("postgresql://u:s3cr3t@h/d")):
        with pytest.raises(Invalid) as wrong:
            Mall.open(url, policy="pack:demo")  # type: ignore[arg-type]
        assert is_hidden(str(wrong.value))


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:p/a#?x@h:12/d", "postgresql://u:***@h:12/d"),
        ("postgresql://u:p@[::1]:5/d", "postgresql://u:***@[::1]:5/d"),
        ("postgresql://h/d?password=p&host=/run&sslpassword=q", "postgresql://h/d?host=%2Frun"),
        ("postgresql://u:p@ss@h/d", "postgresql://..."),
        ("postgresql://h:abc/d", "postgresql://..."),
        ("host=h password=x", "..."),
        ("postgres:x", "postgres:x"),
        ("sqlite:///a:b@c.db", "sqlite:///a:b@c.db"),
        ("sqlite:///file:mall.db?uri=true", "sqlite:///file:mall.db"),
        ("sqlite:///商城.db", "sqlite:///商城.db"),
        ("postgresql://u:a%3Fb%3Dc%3B@h/d", "postgresql://u:***@h/d"),
        ("postgresql://u:a?b=c@h/d", "postgresql://..."),
        ("memory:", "memory:"),
    ],
)
def test_a_url_is_shown_as_far_as_it_is_no_secret(url: str, shown: str) -> None:
    assert shown_url(url) == shown
