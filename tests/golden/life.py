"""A life: moves made one after the other, and after each what it has stored.

Nothing in it is left to chance. Time is told; every move happens a second after the one before.
What the library draws at random comes from the number of the move and of the draw within it, so
another draw in one move changes the salts of that move only: salts do depend on the order in which
a move's personal values are written down, and that order stays too.

A move that must fail is made through ``no``: ``life.no.orders.ship(...)``.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Any
from unittest.mock import patch

from eldermall import (
    Conflict,
    EldermallError,
    Invalid,
    Mall,
    RefundAnswer,
    RefundRequest,
    Refused,
    SealedRoot,
    hookimpl,
)
from eldermall.contracts.notification import Notice, NoticeAnswer
from eldermall.contracts.storage import EntryRow
from tests import shop
from tests.golden import store


class Chance:
    """What is drawn instead of random bytes: the same in every run."""

    def __init__(self) -> None:
        self.begin(0)

    def begin(self, move: int) -> None:
        """Begin the draws of a move."""
        self._move, self._draws = move, 0

    def bytes(self, size: int | None = None) -> bytes:
        """Return so many bytes, as ``secrets.token_bytes`` does."""
        self._draws += 1
        seed = f"{self._move}.{self._draws}".encode()
        return (sha256(seed).digest() * 8)[: size or 32]

    @contextmanager
    def ruling(self) -> Iterator[None]:
        """Draw from here for as long as the block lasts."""
        with (
            patch.object(secrets, "token_bytes", self.bytes),
            patch.object(secrets, "token_hex", lambda size=32: self.bytes(size).hex()),
            patch.object(
                secrets, "randbits", lambda bits: int.from_bytes(self.bytes(32)) % (1 << bits)
            ),
            patch.object(secrets, "randbelow", lambda below: 0),
        ):
            yield


class Outside:
    """What hears of everything: it takes refunds and notices at the second try, and keeps roots."""

    def __init__(self) -> None:
        self.roots: list[bytes] = []
        self._asked: set[str] = set()

    def _first_time(self, id: str) -> bool:
        new = id not in self._asked
        self._asked.add(id)
        return new

    @hookimpl
    def eldermall_refund(self, request: RefundRequest) -> RefundAnswer:
        """Pay it, but not at once."""
        if self._first_time(request.id):
            return RefundAnswer("unknown", "the bank is closed")
        return RefundAnswer("accepted")

    @hookimpl
    def eldermall_notify(self, notice: Notice) -> NoticeAnswer:
        """Tell it, but not at once; a leader can't be reached at all."""
        if notice.role == "company_leader":
            return NoticeAnswer("rejected", "permanent_recipient")
        return NoticeAnswer("retry" if self._first_time(notice.key) else "delivered")

    @hookimpl
    def eldermall_root(self, root: SealedRoot) -> None:
        """Keep it."""
        self.roots.append(root.body)


class _Room:
    """A room whose moves become steps of a life."""

    def __init__(self, life: Life, name: str, fails: bool) -> None:
        self._life = life
        self._name = name
        self._fails = fails

    def __getattr__(self, move: str) -> Callable[..., Any]:
        life, name, fails = self._life, self._name, self._fails
        command: Callable[..., Any] = getattr(getattr(life.mall, name), move)
        if move == "get":
            return command

        def make(*args: Any, **more: Any) -> Any:
            if "key" in more:
                life.keys.add((_stored_name(name, move), more["key"]))
            life.ask(name, move, args, more, fails)
            made = life.step(f"{name}.{move}", lambda: command(*args, **more), fails, args[0])
            if not fails:
                life.made.setdefault(f"{name}.{move}", (args, more))
            return made

        return make


def _stored_name(room: str, move: str) -> str:
    stored = {"paid": "pay", "refunded": "refund", "return_": "return"}.get(move, move)
    return f"{room.removesuffix('s')}.{stored}"


class _Failing:
    """The rooms, for moves that must fail."""

    def __init__(self, life: Life) -> None:
        self._life = life

    def __getattr__(self, room: str) -> _Room:
        return _Room(self._life, room, fails=True)


class Life:
    """The life of one mall.

    Args:
        mall: the mall, newly made.
        time: its time.
        chance: what is drawn at random.
        outside: the plugin with which it was opened.

    ``lines`` is what happened: a line for each move, followed by one for each row that it made,
    changed or removed. ``made`` holds the arguments with which each command first went
    through.
    """

    def __init__(self, mall: Mall, time: shop.Time, chance: Chance, outside: Outside) -> None:
        self.mall = mall
        self.time = time
        self.lines: list[str] = []
        self.made: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {}
        self.keys: set[tuple[str, str]] = set()
        self._chance = chance
        self._outside = outside
        self._rows: store.Rows = {}
        self._moves = 0
        self.step("opened", lambda: None)

    def __getattr__(self, room: str) -> _Room:
        return _Room(self, room, fails=False)

    @property
    def no(self) -> Any:
        """The rooms, for moves that must fail."""
        return _Failing(self)

    def step(
        self, does: str, make: Callable[[], Any], fails: bool = False, on: str | None = None
    ) -> Any:
        """Make a move a second later, and write down what came of it and what it has stored."""
        self.time.pass_(seconds=1)
        self._moves += 1
        self._chance.begin(self._moves)
        said: dict[str, Any] = {"move": self._moves, "does": does}
        said |= {} if on is None else {"on": on}
        said["now"] = self.time.now.isoformat()
        result = None
        try:
            result = make()
        except (Refused, Invalid, Conflict) as error:
            if not fails:
                raise AssertionError(f"{does} {on}: {error}") from error
            said |= _failure(error)
        else:
            assert not fails, f"{does} {on} was to fail"
            if hasattr(result, "version"):
                said["gives"] = f"{result.summary}, version {result.version}"
            elif result is not None:
                said["gives"] = repr(result)
        self.lines.append(_line(said))
        before, self._rows = self._rows, store.read(self.mall, self._rows, sorted(self.keys))
        self.lines += store.changes(before, self._rows, self.mall.now())
        return result

    def ask(
        self, room: str, move: str, args: tuple[Any, ...], more: dict[str, Any], fails: bool
    ) -> None:
        """Ask first whether a move may be made; the answer is what then happens."""
        if {"key", "expect"} & more.keys():
            return
        self._chance.begin(0)
        self.time.pass_(seconds=1)
        try:
            decision = getattr(getattr(self.mall.may, room), move)(*args, **more)
        except Invalid:
            assert fails
        else:
            again = move == "adopt" and not fails
            assert again or decision.allowed is not fails, f"{room}.{move}: {decision.text}"
        finally:
            self.time.pass_(seconds=-1)

    def pass_(self, **by: float) -> None:
        """Let time pass."""
        self.time.pass_(**by)

    def ago(self, **by: float) -> Any:
        """Return a moment that lies back."""
        return shop.Time(self.time.now).pass_(**{unit: -n for unit, n in by.items()})

    def ahead(self, **by: float) -> Any:
        """Return a moment to come."""
        return shop.Time(self.time.now).pass_(**by)

    def sweep(self, **after: float) -> Any:
        """Let time pass, if it is to, and sweep."""
        self.pass_(**after)
        swept = self.step("sweep", self.mall.sweep)
        assert swept.failed == ()
        return swept

    def relay(self, **after: float) -> Any:
        """Let time pass, if it is to, and relay."""
        self.pass_(**after)
        return self.step("relay", self.mall.relay)

    def seal(self) -> Any:
        """Seal what waits."""
        return self.step("seal", self.mall.seal)

    def erase_expired(self, **after: float) -> Any:
        """Let time pass, if it is to, and erase what may go."""
        self.pass_(**after)
        return self.step("erase_expired", self.mall.erase_expired)

    def batch(self, moves: Callable[[Any], object], fails: bool = False) -> None:
        """Make moves of the rooms that ``moves`` is given in one transaction, as one step."""

        def run() -> None:
            with self.mall.batch() as rooms:
                moves(rooms)

        self.step("batch", run, fails)

    @contextmanager
    def unstaffed(self, link: str) -> Iterator[None]:
        """Take everybody off duty in a link for a while."""
        mall = self.mall
        who = [s.person for s in mall.designations.get(link).spans if s.until is None]
        for each in who:
            self.designations.dismiss(link, each, by=shop.LEADER)
        yield
        for each in who:
            self.designations.appoint(link, each, by=shop.LEADER)

    def end(self) -> None:
        """Relay, seal what came of it, relay the root, and verify against the roots outside."""
        self.relay()
        self.seal()
        self.relay()
        found = self.mall.verify(self.roots)
        assert found.passed, found.findings
        assert found.sealed == found.entries
        self.lines.append(_line({"verified": repr(found)}))

    @property
    def roots(self) -> list[bytes]:
        """The roots that are kept outside."""
        return self._outside.roots

    @property
    def rows(self) -> store.Rows:
        """Everything that is stored."""
        return self._rows

    @property
    def entries(self) -> list[dict[str, Any]]:
        """What the journal says, by subject and number."""
        return [json.loads(row.body) for row in self._rows.values() if isinstance(row, EntryRow)]


def _failure(error: EldermallError) -> dict[str, Any]:
    said: dict[str, Any] = {"fails": error.code}
    if isinstance(error, Refused):
        said["rules"] = list(error.decision.rules)
    return said | {"zh": error.text.zh, "en": error.text.en}


def _line(fields: dict[str, Any]) -> str:
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
