"""The shops of ``examples/shops``, opened for tests and asked as a browser asks.

Flask and FastAPI answer in this process. Django can be set up only once in a process, so its shop
answers in one of its own.
"""

from __future__ import annotations

import atexit
import importlib
import importlib.util
import os
import runpy
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, redirect_stdout, suppress
from dataclasses import dataclass
from functools import partial
from io import StringIO
from multiprocessing.connection import Connection
from types import ModuleType
from typing import Any
from unittest.mock import patch

from typer.testing import CliRunner

from eldermall.cli import app
from tests.apart import APART
from tests.shop import ROOT

SHOPS = ROOT / "examples" / "shops"
STAFF, CUSTOMER = "olivia", "li"


@dataclass(frozen=True)
class Answer:
    """What a browser gets: the status, the page, and where it is sent."""

    status: int
    text: str
    to: str

    @property
    def id(self) -> str:
        """The id of the order whose page it is sent to."""
        return self.to.rpartition("/")[2]


Ask = Callable[[str, str, str, str], Answer]


class Shop:
    """A shop with its doors open.

    Args:
        ask: how it is asked: method, path, who asks, in which language.
        number: what gives its next order this id.
        app: the shop itself, where it runs in this process.
    """

    def __init__(self, ask: Ask, number: Callable[[str], None], app: Any = None) -> None:
        self.ask = ask
        self.number = number
        self.app = app

    def see(self, path: str = "/", who: str = CUSTOMER, lang: str = "en") -> Answer:
        """Look at a page."""
        return self.ask("GET", path, who, lang)

    def do(self, path: str, who: str = CUSTOMER, lang: str = "en") -> Answer:
        """Press a button."""
        return self.ask("POST", path, who, lang)

    def buy(self, code: str = "green-tea") -> str:
        """Place an order; return its id."""
        answer = self.do(f"/buy/{code}")
        assert answer.status in (302, 303), answer.text
        return answer.id

    def move(self, id: str, *moves: str) -> Answer:
        """Make moves of an order, each by whoever may; return the last answer."""
        for move in moves:
            answer = self.do(f"/orders/{id}/{move}", CUSTOMER if move == "pay" else STAFF)
        return answer


@contextmanager
def opened(name: str, url: str, policy: object) -> Iterator[Shop]:
    """Open the shop ``name``, such as ``flask_after``, on a database."""
    given = {"SHOP_DATABASE": url, "SHOP_POLICY": str(policy)}
    with patch.dict(os.environ, given), patch.object(sys, "path", [str(SHOPS), *sys.path]):
        if name.startswith("django"):
            with _apart(name, given) as shop:
                yield shop
        else:
            with loaded(name) as module, _CLIENTS[name.partition("_")[0]](module) as ask:
                yield Shop(ask, partial(_number, module), module.app)


@contextmanager
def loaded(name: str) -> Iterator[ModuleType]:
    """Run a shop's module anew, and close what it opened."""
    spec = importlib.util.spec_from_file_location(name, SHOPS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with ExitStack() as stack:
        sys.modules[name] = module
        stack.callback(sys.modules.pop, name)
        spec.loader.exec_module(module)
        mall = getattr(module, "mall", None)
        if mall is not None:
            atexit.unregister(mall.close)
            stack.callback(mall.close)
        if name in ("fastapi_before", "fastapi_after"):
            stack.callback(module.engine.dispose)
        yield module


def _number(module: ModuleType, id: str) -> None:
    vars(module)["new_id"] = lambda: id


def _headers(who: str, lang: str) -> dict[str, str]:
    return {"Accept-Language": lang, "Cookie": f"who={who}"}


@contextmanager
def _flask(module: Any) -> Iterator[Ask]:
    client = module.app.test_client(use_cookies=False)

    def ask(method: str, path: str, who: str, lang: str) -> Answer:
        got = client.open(path, method=method, headers=_headers(who, lang))
        return Answer(got.status_code, got.text, got.headers.get("Location", ""))

    yield ask


@contextmanager
def _fastapi(module: Any) -> Iterator[Ask]:
    from fastapi.testclient import TestClient

    given: dict[str, Any] = {"raise_server_exceptions": False, "follow_redirects": False}
    with TestClient(module.app, **given) as client:

        def ask(method: str, path: str, who: str, lang: str) -> Answer:
            got = client.request(method, path, headers=_headers(who, lang))
            return Answer(got.status_code, got.text, got.headers.get("Location", ""))

        yield ask


_CLIENTS: dict[str, Callable[[Any], Any]] = {"flask": _flask, "fastapi": _fastapi}


@contextmanager
def _apart(name: str, given: Mapping[str, str]) -> Iterator[Shop]:
    ours, theirs = APART.Pipe()
    process = APART.Process(target=_answer, args=(name, given, theirs))
    process.start()
    theirs.close()

    def ask(*asked: str) -> Answer:
        ours.send(asked)
        return Answer(*ours.recv())

    try:
        assert ours.recv() == "open"
        yield Shop(ask, lambda id: ours.send(("NUMBER", id)))
    finally:
        ours.close()
        process.join(30)
        process.close()


def _answer(name: str, given: Mapping[str, str], pipe: Connection) -> None:
    os.environ.update(given)
    module = importlib.import_module(name)
    from django.test import Client

    client = Client(raise_request_exception=False, SERVER_NAME="localhost")
    pipe.send("open")
    with suppress(EOFError):
        while True:
            method, path, *by = pipe.recv()
            if method == "NUMBER":
                _number(module, path)
                continue
            got = client.generic(method, path, headers=_headers(*by))
            pipe.send((got.status_code, got.text, got.headers.get("Location", "")))


def appoint(url: str, policy: object) -> None:
    """Put the staff on duty, as the page of the shops says."""
    words = ["appoint", url, "order", STAFF, "--by", "lin", "--policy", str(policy)]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output


def open_orders(url: str) -> str:
    """Return the open orders of a shop as it hands them over: lines of JSON."""
    with redirect_stdout(StringIO()) as written:
        _run("open_orders.py", url.replace("postgresql:", "postgresql+psycopg:"))
    return written.getvalue()


def _run(script: str, *given: str) -> None:
    with (
        patch.object(sys, "argv", [script, *given]),
        patch.object(sys, "path", [str(SHOPS), *sys.path]),
    ):
        runpy.run_path(str(SHOPS / script))
