"""The statements, built once: for transactions that write with locks, for others without.

A few are narrowed when they are called: to a part of the journal, or to what `find` looks for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from sqlalchemy import (
    Select,
    Table,
    bindparam,
    delete,
    false,
    func,
    insert,
    literal_column,
    or_,
    select,
    update,
)

from eldermall.adapters.storage.sql.database import Database
from eldermall.adapters.storage.sql.schema import Schema
from eldermall.adapters.storage.sql.sending import Statement
from eldermall.contracts.storage import MessageState

MOST = 1024
"""How many ids are asked for in one statement."""


class ByIds:
    """A query for the rows with up to `MOST` ids, in their order.

    Args:
        query: for all rows.
        id: the column that holds the ids.
    """

    def __init__(self, query: Select[Any], id: Any) -> None:
        self._query = query
        self._id = id
        self._sized: dict[int, Statement] = {}

    def of(self, ids: Sequence[str]) -> tuple[Statement, dict[str, str]]:
        """Return the statement for ``ids`` and their values.

        Their number is rounded up to a power of two, so that there are few statements.
        """
        size = 1 << (len(ids) - 1).bit_length()
        values = {f"id{n}": ids[min(n, len(ids) - 1)] for n in range(size)}
        if size not in self._sized:
            wanted: list[Any] = [bindparam(name) for name in values]
            query = self._query.where(self._id.in_(wanted)).order_by(self._id)
            self._sized[size] = Statement(query)
        return self._sized[size], values


class Statements:
    """The statements on the tables of ``schema``.

    Args:
        schema: the tables.
        database: what they are for.
        locking: whether rows that a decision rests on are locked.
    """

    def __init__(self, schema: Schema, database: Database, *, locking: bool) -> None:
        self.schema = schema
        self.database = database
        self.locking = locking and not database.one_writer
        self._records()
        self._clocks()
        self._journal()
        self._outbox()
        self._keys()
        # Changes nothing; where one writes at a time, only one that sees the newest rows may.
        self.hold = Statement(delete(schema.installation).where(false()))

    def _change(self, query: Select[Any], *, skip: bool = False) -> Select[Any]:
        return query.with_for_update(skip_locked=skip) if self.locking else query

    def _share(self, query: Select[Any]) -> Select[Any]:
        return query.with_for_update(read=True) if self.locking else query

    def _fresh(self, query: Select[Any]) -> Select[Any]:
        """Let a query see the newest rows even in a host's transaction that sees old ones.

        On MariaDB only a read that locks does; the record of these rows is locked already.
        """
        needed = self.locking and self.database.name == "mariadb"
        return query.with_for_update(read=True) if needed else query

    def _records(self) -> None:
        s = self.schema
        mall: Any = bindparam("mall")
        found = {
            name: select(
                t.c.id, t.c.version, t.c.open, t.c.pack, t.c.body,
                *(t.c[f] for f in s.kinds[name].indexed),
            ).where(t.c.mall == mall)
            for name, t in s.records.items()
        }
        ids = {name: select(t.c.id).where(t.c.mall == mall) for name, t in s.records.items()}
        one = self._by_id(found)
        self.exists = {name: ByIds(query, s.records[name].c.id) for name, query in ids.items()}
        chain = s.entries.alias()
        of = (chain.c.mall == mall) & (chain.c.subject == bindparam("subject"))
        newest = chain.c.seq.desc()
        self.head = Statement(
            self._fresh(select(chain.c.seq, chain.c.hash).where(of).order_by(newest).limit(1))
        )
        heads = [
            select(c).where(of).order_by(newest).limit(1).scalar_subquery()
            for c in (chain.c.seq, chain.c.hash)
        ]
        self.load = {
            name: Statement(
                self._change(query) if self.locking else _or_nothing(query, s.records[name], heads)
            )
            for name, query in one.items()
        }
        self.look_up = {
            name: ByIds(self._share(query), s.records[name].c.id)
            for name, query in found.items()
        }
        heads_of = {
            name: [
                self._fresh(
                    select(c).where(
                        chain.c.mall == t.c.mall, chain.c.subject == f"{name}/" + t.c.id
                    ).order_by(newest).limit(1)
                ).scalar_subquery()
                for c in (chain.c.seq, chain.c.hash)
            ]
            for name, t in s.records.items()
        }
        self.load_many = {
            name: ByIds(
                self._change(query) if self.locking else query.add_columns(*heads_of[name]),
                s.records[name].c.id,
            )
            for name, query in found.items()
        }
        self.heads = {
            name: ByIds(query.add_columns(*heads_of[name]), s.records[name].c.id)
            for name, query in ids.items()
        }
        self.try_lock = {
            name: Statement(self._change(query, skip=True))
            for name, query in self._by_id(ids).items()
        }
        self.insert_record = {name: Statement(insert(t)) for name, t in s.records.items()}
        changed = {
            name: update(t).where(
                t.c.mall == bindparam("b_mall"), t.c.id == bindparam("b_id"),
                t.c.version == bindparam("b_before"),
            )
            for name, t in s.records.items()
        }
        self.update_record = {
            name: Statement(
                query.values(
                    {c: bindparam(c) for c in ("version", "open", "pack", "body")}
                    | {f: bindparam(f) for f in s.kinds[name].indexed}
                )
            )
            for name, query in changed.items()
        }
        self.update_body = {
            name: Statement(query.values(version=bindparam("version"), body=bindparam("body")))
            for name, query in changed.items()
        }
        self.find = {name: query.order_by(s.records[name].c.id) for name, query in found.items()}
        self.uses_pack = {
            name: Statement(
                select(literal_column("1"))  # the index alone answers
                .where(t.c.mall == mall, t.c.pack == bindparam("pack"), t.c.open == 1)
                .limit(1)
            )
            for name, t in s.records.items()
        }

        t = s.walks
        self.walked = Statement(
            select(t.c.upto).where(t.c.mall == mall, t.c.name == bindparam("name"))
        )
        self.put_walked = Statement(self.database.upsert(t))

    def _by_id(self, queries: Mapping[str, Select[Any]]) -> dict[str, Select[Any]]:
        wanted: Any = bindparam("record_id")
        return {
            name: query.where(self.schema.records[name].c.id == wanted)
            for name, query in queries.items()
        }

    def _clocks(self) -> None:
        t = self.schema.clocks
        mall: Any = bindparam("mall")
        query = select(*_but_mall(t)).where(t.c.mall == mall)
        self.open_clocks = Statement(
            self._fresh(
                query.where(t.c.subject == bindparam("subject"), t.c.stopped.is_(None))
                .order_by(t.c.name, t.c.part, t.c.started)
            )
        )
        self.open_clocks_many = ByIds(
            self._fresh(query.where(t.c.stopped.is_(None))), t.c.subject
        )
        self.due_clocks = Statement(
            query.where(t.c.next <= bindparam("now"))
            .order_by(t.c.next, t.c.subject, t.c.name, t.c.part)
            .limit(bindparam("most"))
        )
        self.clocks_in = Statement(
            query.where(t.c.state == bindparam("state"))
            .order_by(t.c.due, t.c.subject, t.c.name, t.c.part)
            .limit(bindparam("most"))
        )
        self.put_clocks = Statement(self.database.upsert(t))

    def _journal(self) -> None:
        s = self.schema
        mall: Any = bindparam("mall")
        self.append = Statement(insert(s.entries))
        self.append_unsealed = Statement(insert(s.unsealed))
        self.append_personal = Statement(insert(s.personal))
        t = s.unsealed
        self.waiting = (
            select(t.c.subject, t.c.seq, t.c.hash)
            .where(t.c.mall == mall)
            .order_by(t.c.subject, t.c.seq)
        )
        self.unsealed = Statement(self._change(self.waiting.limit(bindparam("most"))))
        self.drop_unsealed = Statement(
            delete(t).where(
                t.c.mall == bindparam("b_mall"), t.c.subject == bindparam("b_subject"),
                t.c.seq == bindparam("b_seq"),
            )
        )
        t = s.entries
        self.entries = (
            select(t.c.subject, t.c.seq, t.c.hash, t.c.body)
            .where(t.c.mall == mall)
            .order_by(t.c.subject, t.c.seq)
        )
        self.chain = Statement(self.entries.where(t.c.subject == bindparam("subject")))
        self.stride = Statement(
            select(t.c.subject)
            .where(t.c.mall == mall, t.c.subject > bindparam("after"))
            .order_by(t.c.subject, t.c.seq)
            .offset(bindparam("skip"))
            .limit(1)
        )
        t = s.leaves
        self.sealed = (
            select(t.c.number, t.c.subject, t.c.seq, t.c.hash)
            .where(t.c.mall == mall)
            .order_by(t.c.subject, t.c.seq)
        )
        self.sealing = Statement(
            self.sealed.where(t.c.subject == bindparam("subject"), t.c.seq >= bindparam("seq"))
            .limit(1)
        )
        self.leaves = Statement(
            select(t.c.subject, t.c.seq, t.c.hash)
            .where(t.c.mall == mall, t.c.number == bindparam("root"))
            .order_by(t.c.subject)
        )
        self.append_leaves = Statement(insert(t))
        t = s.roots
        root = select(t.c.number, t.c.hash, t.c.body).where(t.c.mall == mall)
        self.last_root = Statement(root.order_by(t.c.number.desc()).limit(1))
        self.roots = Statement(
            root.where(t.c.number > bindparam("after"))
            .order_by(t.c.number)
            .limit(bindparam("most"))
        )
        self.append_root = Statement(insert(t))
        t = s.personal
        self.personal = Statement(
            select(*_but_mall(t))
            .where(t.c.mall == mall, t.c.subject == bindparam("subject"))
            .order_by(t.c.seq, t.c.path)
        )
        self.holding_personal = Statement(
            select(t.c.subject)
            .where(
                t.c.mall == mall, t.c.recorded < bindparam("before"),
                t.c.subject > bindparam("after"),
            )
            .distinct()
            .order_by(t.c.subject)
            .limit(bindparam("most"))
        )
        self.erase = [
            Statement(
                delete(table).where(
                    table.c.mall == bindparam("mall"), table.c.subject == bindparam("subject")
                )
            )
            for table in (s.personal, s.keys)
        ]

    def _outbox(self) -> None:
        t = self.schema.outbox
        mall: Any = bindparam("mall")
        query = select(*_but_mall(t)).where(t.c.mall == mall)
        self.enqueue = Statement(insert(t))
        due = (
            query.where(t.c.next <= bindparam("now"))
            .order_by(t.c.next, t.c.id)
            .limit(bindparam("most"))
        )
        self.due_messages = Statement(self._change(due, skip=True))
        lane = due.where(t.c.topic == bindparam("topic"))
        self.due_of_lane = Statement(self._change(lane, skip=True))
        since: Any = bindparam("since")
        self.messages = Statement(
            query.where(
                t.c.state == bindparam("state"), t.c.created >= since,
                or_(t.c.created > since, t.c.id > bindparam("beyond")),
            )
            .order_by(t.c.created, t.c.id)
            .limit(bindparam("most"))
        )
        made = select(func.max(t.c.created)).where(t.c.mall == mall)
        upto: Any = bindparam("upto")
        self.newest = Statement(
            select(  # the end of the index of each state
                *(
                    made.where(t.c.state == state, t.c.created <= upto).scalar_subquery()
                    for state in get_args(MessageState)
                )
            )
        )
        self.find_messages = ByIds(query, t.c.id)
        mine = (t.c.mall == bindparam("b_mall")) & (t.c.id == bindparam("b_id"))
        self.claim_message = Statement(
            update(t).where(mine).values(attempts=bindparam("attempts"), next=bindparam("next"))
        )
        self.settle_message = Statement(
            update(t)
            .where(mine, t.c.attempts == bindparam("b_attempts"))
            .values(
                state=bindparam("state"), next=bindparam("next"), reason=bindparam("reason")
            )
        )
        self.change_message = Statement(
            update(t)
            .where(mine, t.c.attempts == bindparam("b_attempts"), t.c.state == bindparam("b_state"))
            .values(
                state=bindparam("state"), next=bindparam("next"),
                attempts=bindparam("attempts"), reason=bindparam("reason"),
            )
        )

    def _keys(self) -> None:
        t = self.schema.keys
        mall: Any = bindparam("mall")
        self.claim_key = Statement(self.database.insert_new(t))
        self.key = Statement(
            self._fresh(
                select(*_but_mall(t)).where(
                    t.c.mall == mall, t.c.command == bindparam("command"),
                    t.c.key == bindparam("key"),
                )
            )
        )
        old = (
            select(t.c.command, t.c.key)
            .where(t.c.mall == mall, t.c.created < bindparam("before"))
            .order_by(t.c.created)
            .limit(bindparam("most"))
        )
        self.old_keys = Statement(self._change(old, skip=True))
        self.drop_key = Statement(
            delete(t).where(
                t.c.mall == bindparam("b_mall"), t.c.command == bindparam("b_command"),
                t.c.key == bindparam("b_key"),
            )
        )
        t = self.schema.packs
        self.packs = Statement(
            select(t.c.hash, t.c.body).where(t.c.mall == mall).order_by(t.c.hash)
        )
        self.put_pack = Statement(self.database.insert_new(t))


def _or_nothing(query: Select[Any], table: Table, more: Sequence[Any]) -> Select[Any]:
    """Return a query for one row of ``table`` and ``more``, which has a row without one too."""
    assert query.whereclause is not None
    always = select(literal_column("1").label("one")).subquery()
    found = select(*query.selected_columns, *more)
    return found.select_from(always.outerjoin(table, query.whereclause))


def _but_mall(table: Table) -> list[Any]:
    return [c for c in table.c if c.name != "mall"]
