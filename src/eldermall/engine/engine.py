"""The engine of a mall: each command in one transaction, with its key and its refusal's entry."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, NamedTuple

from eldermall.contracts.storage import KeyRow, RecordRow, Transaction
from eldermall.engine.adoption import adopted_before
from eldermall.engine.basis import TRIES, Begin, tried
from eldermall.engine.canonical import canonical
from eldermall.engine.inputs import said_of
from eldermall.engine.joining import alone
from eldermall.engine.journal import Entry, args_of, entry_fields
from eldermall.engine.kind import ADOPT, Command, Kind, Record, subject_of
from eldermall.engine.making import Refusal, make
from eldermall.engine.parties import OUTSIDE
from eldermall.engine.refusals import Refusing
from eldermall.engine.rule import Decision
from eldermall.engine.work import Held, Work
from eldermall.errors import Conflict, KeyReused, Locked, NotInTransaction, Refused
from eldermall.texts import Text


@dataclass(frozen=True, slots=True)
class Engine(Refusing):
    """What a mall does things with; it makes the commands, each in one transaction."""

    def perform(self, command: Command) -> Record:
        """Make ``command`` in a transaction of our own; return the record after it.

        Raises:
            Refused: a rule, the machine or the time refused; the attempt is in the journal.
            Conflict: somebody else moved first.
            KeyReused: the idempotency key was used with other content.
            NotJoined: a joined handle of the mall is open here.
        """
        self.ready()
        return self._perform(self.asked(command), self.begin, TRIES, self.keep)

    def perform_joined(self, command: Command, savepoint: Begin) -> Record:
        """Make ``command`` behind a savepoint of the host's; a refusal waits to be written."""
        return self._perform(self.asked(command), savepoint, 1, self.postpone)

    def may(self, command: Command) -> Decision:
        """Return the decision on ``command`` without moving anything."""
        command = self.asked(command)
        with self.storage.read(self.mall) as tx:
            try:
                return make(Work(self, tx, self.now()), replace(command, expect=None))[1]
            except Refusal as refusal:
                return refusal.decision

    def _perform(
        self, command: Command, begin: Begin, tries: int, refuse: Callable[[Entry], None]
    ) -> Record:
        now = self.now()

        def do(tx: Transaction) -> Record:
            work = Work(self, tx, now)
            record = self._once(work, command)
            work.flush()
            return record

        try:
            return tried(begin, do, tries)
        except Refusal as refusal:
            refuse(refusal.entry)
            raise Refused(refusal.decision) from None
        except Locked as locked:
            self.postpone(self._conflict(command, now, locked))
            raise
        except Conflict as conflict:
            refuse(self._conflict(command, now, conflict))
            raise

    def _once(self, work: Work, command: Command) -> Record:
        """Make ``command`` unless its key says that it was made; return the record."""
        if command.key is not None and self._claimed(work, command):
            record = work.hold(self.book.kind(command.kind), command.id).record
            assert record is not None
            return record
        if command.name == ADOPT and command.actor.role not in OUTSIDE:
            record = work.hold(self.book.kind(command.kind), command.id).record
            if record is not None and adopted_before(
                map(entry_fields, work.tx.chain(subject_of(command.kind, command.id))),
                command.args,
            ):
                return record
        return make(work, command)[0]

    def _claimed(self, work: Work, command: Command) -> bool:
        """Claim the key of ``command``; say whether the same command has used it before."""
        assert command.key is not None
        content = canonical(
            {
                "id": command.id,
                "at": command.at,
                "actor": command.actor.id,
                "args": said_of(command.args),
            }
        )
        salt = secrets.token_bytes(16)
        name = f"{command.kind}.{command.name}"
        subject = subject_of(command.kind, command.id)
        row = KeyRow(name, command.key, salt, sha256(salt + content).digest(), subject, work.now)
        used = work.tx.claim_key(row)
        if used is None:
            work.keys.append(row)
            return False
        if sha256(used.salt + content).digest() != used.fingerprint:
            raise KeyReused(
                Text(
                    f"{name} 的幂等键 {command.key} 已用于另一请求",
                    f"the key {command.key} of {name} was used before with other content",
                )
            )
        return True

    @contextmanager
    def batch(self) -> Iterator[Batch]:
        """Open a transaction of our own for many commands: all of them, or none.

        The first that fails ends it: the others are undone, its entry is kept.

        Raises:
            Refused, Conflict, Invalid: what ended it, also where the caller has passed over it.
            NotJoined: a joined handle of the mall is open here.
        """
        self.ready()
        with self._batch(self.begin, self.keep) as batch:

            def run(command: Command) -> Record:
                alone(self.storage, self.mall)
                return batch.run(command)

            yield batch._replace(run=run)

    def batch_joined(self, savepoint: Begin) -> AbstractContextManager[Batch]:
        """Do as `batch` behind a savepoint of the host's; a refusal waits to be written."""
        return self._batch(savepoint, self.postpone)

    @contextmanager
    def _batch(self, begin: Begin, refuse: Callable[[Entry], None]) -> Iterator[Batch]:
        refused: list[Refusal] = []
        failed: list[Exception] = []
        others: list[Exception] = []
        try:
            with suppress(_OfCaller), begin() as tx:
                work = Work(self, tx, self.now())

                def run(command: Command) -> Record:
                    work.now = self.now()
                    try:
                        return self._once(work, self.asked(command))
                    except Refusal as refusal:
                        refused.append(refusal)
                        raise Refused(refusal.decision) from None

                with _batch_of(run, work, failed, others) as batch:
                    yield batch
                if failed:
                    raise failed[0]
                work.flush()
        finally:
            for refusal in refused:
                refuse(refusal.entry)
        if others:
            raise others[0]

    def _conflict(self, command: Command, now: int, conflict: Conflict) -> Entry:
        args, personal = args_of(command.args)
        return Entry(
            subject_of(command.kind, command.id),
            now if command.at is None else command.at,
            {
                "what": f"{command.kind}.{command.name}",
                "outcome": "conflict",
                "actor": command.actor.as_json(),
                "args": args,
                "pack": self.settings.pack,
                "why": conflict.text.en,
            },
            personal,
        )


class Batch(NamedTuple):
    """What an open batch does: makes a command, and reads records as they stand inside."""

    run: Callable[[Command], Record]
    hold: Callable[[Kind, str], Held]
    find: Callable[..., Sequence[RecordRow]]


class _OfCaller(Exception):
    """Ends a transaction for an error of the caller's own, which no storage is to translate."""


@contextmanager
def _batch_of(
    run: Callable[[Command], Record], work: Work, failed: list[Exception], others: list[Exception]
) -> Iterator[Batch]:
    """Open a batch, that does nothing once it has failed or is over.

    Args:
        run: makes a command.
        work: the unit.
        failed: takes what has failed in it.
        others: takes what the caller has raised himself.
    """
    over = False

    def noting(do: Callable[..., Any]) -> Callable[..., Any]:
        def done(*given: Any, **more: Any) -> Any:
            if over:
                raise NotInTransaction(
                    Text("批次已结束，请另开一批", "the batch is over; open another")
                )
            if failed:
                raise failed[0]
            try:
                return do(*given, **more)
            except Exception as error:
                failed.append(error)
                raise

        return done

    try:
        yield Batch(noting(run), noting(work.hold), noting(work.find))
    except Exception as error:
        if any(error is each for each in failed):
            raise
        others.append(error)
        raise _OfCaller from None
    finally:
        over = True
