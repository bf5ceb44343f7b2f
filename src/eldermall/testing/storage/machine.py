"""Histories of transactions, invented by hypothesis, on the storage and on the model alike."""

# ruff: noqa: PT012 - what fails is a transaction as a whole

from __future__ import annotations

from collections.abc import Set
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from itertools import count
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    precondition,
    rule,
    run_state_machine_as_test,
)

from eldermall.contracts.storage import Message, PackRow, Storage, Transaction
from eldermall.errors import Overtaken
from eldermall.testing.case import group
from eldermall.testing.storage.cases import StorageCases
from eldermall.testing.storage.model import Model
from eldermall.testing.storage.rows import (
    CLOCK_STATES,
    MESSAGE_STATES,
    clock,
    entry,
    everything,
    key,
    message,
    personal,
    record,
    root,
)
from eldermall.testing.storage.threads import Undone

case = group("模型", "model")

IDS = ("A1", "a1", "\N{GRINNING FACE}")
SUBJECTS = tuple(f"order/{id}" for id in IDS)
EDGES = ("", *SUBJECTS, "order0")

ids = st.sampled_from(IDS)
subjects = st.sampled_from(SUBJECTS)
few = st.integers(1, 3)
moments = st.integers(0, 3)
# Not st.binary: hypothesis mixes into that what it finds in the code that happens to be loaded,
# and a seed would give other histories in a test alone than in a run of all.
bodies = st.lists(st.sampled_from(b"\0\n Aa\x7f\x80\xc3\xff"), max_size=4).map(bytes)
fields = st.sampled_from([None, "", *IDS])
seldom = st.integers(0, 9).map(lambda n: n // 9)


def plain(value: Any) -> Any:
    """Return what a call returned, whatever kind of sequence or mapping it is."""
    if hasattr(value, "items"):
        return dict(value)
    if isinstance(value, Set):
        return set(value)  # two sets of the same may go through it in another order
    if isinstance(value, str | bytes | int | tuple) or value is None or hasattr(value, "__slots__"):
        return value
    return list(value)


class History(RuleBasedStateMachine):
    """Transactions of one mall, one after the other; each is committed, undone, or fails.

    Args:
        storage: the storage to compare with the model.
        mall: a mall that has never been used.
    """

    def __init__(self, storage: Storage, mall: str) -> None:
        super().__init__()
        self.storage = storage
        self.mall = mall
        self.committed = Model()
        self.model = Model()
        self.tx: Transaction | None = None
        self.context: AbstractContextManager[Transaction] | None = None
        self.numbers = count(1)
        self.claimed: list[Message] = []

    def begun(self) -> Transaction:
        """Return the open transaction, or begin one."""
        if self.tx is None:
            self.model = self.committed.copy()
            self.context = self.storage.write(self.mall)
            self.tx = self.context.__enter__()
        return self.tx

    def leave(self, error: BaseException | None = None) -> None:
        """End the open transaction, by ``error`` if there is one."""
        context, self.context, self.tx = self.context, None, None
        assert context is not None
        swallowed = context.__exit__(None if error is None else type(error), error, None)
        if error is not None and not swallowed:
            raise error

    def both(self, call: str, *args: Any, **named: Any) -> Any:
        """Make one call of both; compare what they return, or that both are overtaken."""
        tx = self.begun()
        try:
            right = getattr(self.model, call)(*args, **named)
        except Overtaken:
            with pytest.raises(Overtaken):
                try:
                    getattr(tx, call)(*args, **named)
                except Exception as error:  # noqa: BLE001 - it becomes Overtaken as it leaves
                    self.leave(error)
            self.compare()
            return None
        found = plain(getattr(tx, call)(*args, **named))
        assert found == plain(right), call
        return found

    def look(self, call: str, *args: Any, **named: Any) -> None:
        """Compare a call that only reads, in the open transaction or else in one that reads."""
        if self.tx is not None:
            self.both(call, *args, **named)
            return
        with self.storage.read(self.mall) as tx:
            right = plain(getattr(self.committed, call)(*args, **named))
            assert plain(getattr(tx, call)(*args, **named)) == right, call

    def compare(self) -> None:
        """Compare all that has been committed."""
        with self.storage.read(self.mall) as tx:
            assert everything(tx, SUBJECTS) == everything(self.committed, SUBJECTS)

    @precondition(lambda self: self.tx is not None)
    @rule()
    def commit(self) -> None:
        """Commit."""
        self.leave()
        self.committed = self.model
        self.compare()

    @precondition(lambda self: self.tx is not None)
    @rule()
    def undo(self) -> None:
        """Fail."""
        with pytest.raises(Undone):
            self.leave(Undone())
        self.compare()

    @rule(
        id=ids, kind=st.sampled_from(["order", "complaint"]), open=st.booleans(), body=bodies,
        pack=st.sampled_from(["p1", "P1"]), customer=fields, wrong=seldom,
    )
    def save(
        self, id: str, kind: str, open: bool, body: bytes, pack: str, customer: str | None,
        wrong: int,
    ) -> None:
        """Save a record, now and then over another version than is stored."""
        row, _ = self.both("load", kind, id)
        before = (0 if row is None else row.version) + wrong
        new = record(
            id, before + 1, kind=kind, before=before, open=open, body=body, pack=pack,
            customer=customer,
        )
        self.both("save", [new])

    @rule(
        subject=subjects, part=ids, started=few, due=moments,
        next=st.none() | moments, state=st.sampled_from(CLOCK_STATES), stage=few,
    )
    def put_clock(
        self, subject: str, part: str, started: int, due: int, next: int | None, state: Any,
        stage: int,
    ) -> None:
        """Put a clock. Those that differ in nothing but their start aren't due at one moment."""
        row = clock(
            subject, "shipping", part, started, due=due * 3 + started,
            next=None if next is None else next * 3 + started, state=state, stage=stage,
        )
        self.both("put_clocks", [row])

    @rule(subject=subjects, many=few, again=seldom, body=bodies,
          recorded=moments, paths=st.sets(st.sampled_from(IDS), max_size=2))
    def append(
        self, subject: str, many: int, again: int, body: bytes, recorded: int, paths: set[str]
    ) -> None:
        """Append entries, now and then from a number that stands already."""
        _, head = self.both("load", *subject.split("/", 1))
        first = head.seq + 1 - again
        rows = [entry(subject, first + n, body) for n in range(many) if first + n > 0]
        if rows:
            values = [personal(subject, rows[0].seq, path, recorded) for path in sorted(paths)]
            self.both("append", rows, values)

    @rule(limit=few, fewer=st.booleans(), again=seldom)
    def seal(self, limit: int, fewer: bool, again: int) -> None:
        """Seal what waits, or some of it, now and then under a number that stands already."""
        waiting = self.both("unsealed", limit)
        last = self.both("last_root")
        named = waiting[:1] if fewer else waiting
        if named:
            leaves = list({row.subject: row for row in named}.values())
            number = 1 if last is None else last.number + 1 - again
            self.both("seal", root(number), leaves, named)

    @rule(id=ids, created=moments, next=st.none() | moments, body=bodies,
          topic=st.sampled_from(["event", "refund"]))
    def enqueue(
        self, id: str, created: int, next: int | None, body: bytes, topic: str
    ) -> None:
        """Put a message."""
        id = f"{id}#{len(self.model.tables['messages'])}.{self.number()}"
        row = message(id, created=created, next=next, body=body)
        self.both("enqueue", [replace(row, topic=topic)])

    def number(self) -> int:
        """Return a number that hasn't been used."""
        return next(self.numbers)

    @rule(now=moments, limit=few, until=moments)
    def claim(self, now: int, limit: int, until: int) -> None:
        """Claim messages."""
        self.claimed += self.both("claim_messages", now, limit, until)

    @precondition(lambda self: self.storage.capabilities.lanes)
    @rule(topic=st.sampled_from(["event", "refund"]), now=moments, limit=few, until=moments)
    def claim_lane(self, topic: str, now: int, limit: int, until: int) -> None:
        """Claim messages of a topic."""
        self.claimed += self.both("claim_lane", topic, now, limit, until)

    @precondition(lambda self: self.storage.capabilities.lanes and self.claimed)
    @rule(data=st.data(), state=st.sampled_from(MESSAGE_STATES), next=st.none() | moments)
    def change(self, data: st.DataObject, state: Any, next: int | None) -> None:
        """Change a message as it was once claimed, or is now."""
        self.begun()
        kept = [row for row in self.claimed if row.id in self.model.tables["messages"]]
        if kept:
            was = data.draw(st.sampled_from(kept))
            self.both("find_messages", [was.id])
            changed = Message(
                was.id, was.topic, was.body, was.created, next, state, was.attempts + 1, "changed"
            )
            self.both("change_message", was, changed)

    @precondition(lambda self: self.claimed)
    @rule(data=st.data(), state=st.sampled_from(MESSAGE_STATES), next=st.none() | moments,
          reason=st.sampled_from(["", "\u4e2d\N{GRINNING FACE} "]))
    def settle(self, data: st.DataObject, state: Any, next: int | None, reason: str) -> None:
        """Settle a message, of this claim or of an earlier one."""
        self.begun()
        kept = [row for row in self.claimed if row.id in self.model.tables["messages"]]
        if kept:
            row = data.draw(st.sampled_from(kept))
            settled = Message(
                row.id, row.topic, row.body, row.created, next, state, row.attempts, reason
            )
            self.both("settle_message", settled)

    @rule(name=ids, command=st.sampled_from(["order.place", "order.pay"]), subject=subjects)
    def claim_key(self, name: str, command: str, subject: str) -> None:
        """Claim a key."""
        self.both(
            "claim_key", key(name, command=command, subject=subject, created=self.number())
        )

    @rule(newer=st.integers(0, 5), limit=few)
    def forget_keys(self, newer: int, limit: int) -> None:
        """Forget old keys, but for the newest."""
        kept = sorted(row.created for row in self.model.tables["keys"].values())
        self.both("forget_keys", (kept or [0])[-newer:][0], limit)

    @rule(subject=subjects)
    def erase(self, subject: str) -> None:
        """Erase a subject's personal values."""
        self.both("erase", subject)

    @rule(hash=ids, body=bodies)
    def put_pack(self, hash: str, body: bytes) -> None:
        """Keep a policy."""
        self.both("put_pack", PackRow(hash, body))

    @rule(id=ids, after=st.sampled_from(["", *IDS]), open=st.none() | st.booleans(), limit=few,
          customer=st.none() | ids)
    def find(
        self, id: str, after: str, open: bool | None, limit: int, customer: str | None
    ) -> None:
        """Find records, and look others up."""
        by = {} if customer is None else {"customer": customer}
        self.look("find", "order", open=open, after=after, limit=limit, **by)
        self.look("look_up", "order", [id, after])
        self.look("existing", "order", [id, after])
        self.look("uses_pack", "order", "p1")

    @precondition(lambda self: self.storage.capabilities.walks)
    @rule(name=ids, upto=ids)
    def walks(self, name: str, upto: str) -> None:
        """Keep how far a walk has come."""
        self.both("walked", name)
        self.both("put_walked", name, upto)
        self.both("walked", name)

    @rule(subject=subjects, now=st.integers(0, 12), limit=few,
          states=st.sets(st.sampled_from(CLOCK_STATES), min_size=3))
    def see_clocks(self, subject: str, now: int, limit: int, states: set[Any]) -> None:
        """Read clocks."""
        self.look("open_clocks", subject)
        self.look("due_clocks", now, limit)
        self.look("clocks", sorted(states), limit=limit)

    @rule(subject=subjects, seq=few, after=st.sampled_from(EDGES), upto=st.sampled_from(EDGES),
          many=st.integers(0, 5), before=moments)
    def see_journal(
        self, subject: str, seq: int, after: str, upto: str, many: int, before: int
    ) -> None:
        """Read the journal and what is sealed of it, in parts."""
        self.look("chain", subject)
        self.look("sealing", subject, seq)
        for call in ("entries", "waiting", "sealed"):
            self.look(call, after, upto or None)
        self.look("stride", after, many)
        self.look("holding_personal", before, after, seq)
        self.look("roots", many, seq)

    @rule(states=st.sets(st.sampled_from(MESSAGE_STATES), min_size=3), limit=few)
    def see_messages(self, states: set[Any], limit: int) -> None:
        """Read messages."""
        self.look("messages", sorted(states), limit)
        if self.storage.capabilities.lanes:
            self.look("list_messages", sorted(states), (limit, "a"), limit)

    def teardown(self) -> None:
        """End what is open."""
        if self.tx is not None:
            with suppress(Exception):  # what was found before is said, not what follows from it
                self.leave(Undone())


class ModelCases(StorageCases):
    """The case that compares with the model."""

    @case("任意的事务历史，结果与模型一致")
    def test_model(self, request: pytest.FixtureRequest, storage: Storage) -> None:
        """After any history of transactions the storage holds what the model holds."""
        numbers = count()

        def history() -> History:
            return History(storage, f"m{next(numbers)}")

        chosen = settings(
            max_examples=self.conformance_examples, stateful_step_count=self.conformance_steps,
            deadline=None, derandomize=False, database=None,
            phases=(Phase.generate, *[Phase.shrink] * self.conformance_shrink),
            suppress_health_check=list(HealthCheck),
        )
        number = request.config.getoption("eldermall_conformance_seed", 1)
        made = cast(type[History], seed(number)(history))
        run_state_machine_as_test(made, settings=chosen)
