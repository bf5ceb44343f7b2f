"""What must hold in a database after its workers were killed, told by plain SQL and their notes.

Each check yields what it finds wrong. The tables are read without eldermall, in one transaction.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, inspect, text
from sqlalchemy.pool import NullPool

from eldermall import Mall
from eldermall.contracts.storage import OPEN_CLOCKS, ClockRow
from eldermall.engine.clock import changes
from eldermall.engine.work import ENDINGS
from tests import shop
from tests.faults.worker import UPKEEP, moment
from tests.test_aftersales import claims, returns

Row = Mapping[str, Any]
PREFIX = "eldermall_"
ONCE = ("started", "warned", "breached", "met", "late", "stopped", "lapsed", "annulled")
ENDS = ("met", "late", "stopped", "lapsed", "annulled")


@dataclass(frozen=True)
class Seen:
    """All rows of all tables, what workers noted, and what their plugin heard."""

    tables: Mapping[str, Sequence[Row]]
    notes: Sequence[Row]
    heard: Sequence[str]

    @cached_property
    def chains(self) -> Mapping[str, Sequence[Row]]:
        """The entries by subject, in order."""
        found: dict[str, list[Row]] = defaultdict(list)
        for row in sorted(self.tables["entries"], key=lambda r: int(r["seq"])):
            found[row["subject"]].append(json.loads(row["body"]))
        return found

    @cached_property
    def records(self) -> Mapping[str, Row]:
        """The rows of all records by subject."""
        return {
            f"{name.removeprefix('record_')}/{row['id']}": row
            for name, rows in self.tables.items()
            if name.startswith("record_")
            for row in rows
        }

    @cached_property
    def answers(self) -> Mapping[int, Row]:
        """What workers were told, by tick."""
        return {note["tick"]: note for note in self.notes if "said" in note}

    @cached_property
    def tries(self) -> Mapping[int, Sequence[Row]]:
        """What workers meant to do: the tries of one command by the tick of the first."""
        found: dict[int, list[Row]] = defaultdict(list)
        for note in self.notes:
            if "call" in note:
                found[note["first"]].append(note)
        return found

    def entries_of(self, tries: Sequence[Row], outcome: str) -> list[Row]:
        """Return the entries that the tries of one command have left."""
        what, subject = named(tries[0])
        moments = {shop.us(moment(note["tick"])) for note in tries}
        return [
            entry
            for entry in self.chains.get(subject, ())
            if entry["at"] in moments  # what waited was recorded later
            and (entry["what"], entry["outcome"]) == (what, outcome)
        ]


def named(note: Row) -> tuple[str, str]:
    """Return what a command is called in the journal, and its subject."""
    room, move = note["call"].split(".")
    kind = room.removesuffix("s")
    move = {"paid": "pay", "refunded": "refund"}.get(move, move)
    return f"{kind}.{move}", f"{kind}/{note['id']}"


def look(url: str, folder: Path) -> Seen:
    """Read everything there is."""
    engine = create_engine(url, poolclass=NullPool)
    if engine.dialect.name != "sqlite":
        engine = engine.execution_options(isolation_level="REPEATABLE READ")
    with engine.connect() as c:
        tables: dict[str, Any] = {
            name.removeprefix(PREFIX): c.execute(text(f"SELECT * FROM {name}")).mappings().all()
            for name in inspect(c).get_table_names()
        }
    notes = [json.loads(line) for line in (folder / "notes").read_text().splitlines()]
    return Seen(tables, notes, (folder / "heard").read_text().splitlines())


# What the notes say


def acknowledged_is_there_once(seen: Seen) -> Iterator[str]:
    for tries in seen.tries.values():
        if tries[0]["call"] in UPKEEP:
            continue
        said = {seen.answers[n["tick"]]["said"] for n in tries if n["tick"] in seen.answers}
        moved = len(seen.entries_of(tries, "moved"))
        if moved != 1 if "done" in said else moved > 1:
            yield f"{named(tries[0])} stands {moved} times after {said}: {tries}"
        if said == {"refused"} and len(tries) == 1 and not tries[0]["joined"]:
            refused = len(seen.entries_of(tries, "refused"))
            if (refused, moved) != (1, 0):
                yield f"{named(tries[0])} was refused and stands {refused} times: {tries}"


def answered_version_is_its_entry(seen: Seen) -> Iterator[str]:
    for tries in seen.tries.values():
        answer = seen.answers.get(tries[0]["tick"], {})
        if answer.get("version"):
            chain = seen.chains.get(named(tries[0])[1], ())
            then = shop.us(moment(tries[0]["tick"]))  # of this command, and of what followed it
            versions = [e["version"] for e in chain if (e["at"], e["outcome"]) == (then, "moved")]
            if versions[-1:] != [answer["version"]]:
                yield f"{tries[0]} was told {answer}, the journal says {versions}"


def nothing_is_there_that_nobody_meant(seen: Seen) -> Iterator[str]:
    meant = {shop.us(moment(note["tick"])) for note in seen.notes if "call" in note}
    meant.add(shop.us(shop.START))
    for subject, chain in seen.chains.items():
        for entry in chain:
            if entry["recorded"] <= max(meant) and entry["recorded"] not in meant:
                yield f"{subject}#{entry['seq']} was written by nobody"


def host_row_is_there_with_our_move(seen: Seen) -> Iterator[str]:
    rows = Counter(row["token"] for row in seen.tables["host"])
    for tries in seen.tries.values():
        if tries[0]["joined"]:
            token = tries[0]["key"] or f"tick-{tries[0]['first']}"
            moved = len(seen.entries_of(tries, "moved"))
            if rows.pop(token, 0) != moved:
                yield f"the host's row {token} and {moved} entries of {tries}"
    if rows:
        yield f"the host has rows that belong to no move: {rows}"


def key_is_there_with_its_move(seen: Seen) -> Iterator[str]:
    keys = {row["key"]: row for row in seen.tables["keys"]}
    for tries in seen.tries.values():
        if tries[0]["key"] is not None:
            moved = [entry["recorded"] for entry in seen.entries_of(tries, "moved")]
            key = keys.pop(tries[0]["key"], None)
            if moved != ([] if key is None else [key["created"]]):
                yield f"the key {key} and the entries at {moved} of {tries}"
    if keys:
        yield f"keys that belong to no move: {keys}"


# What the tables say of each other


def record_is_what_its_entries_made(seen: Seen) -> Iterator[str]:
    for subject in seen.records.keys() | seen.chains.keys():
        versions = [e["version"] for e in seen.chains.get(subject, ()) if e["outcome"] == "moved"]
        row = seen.records.get(subject)
        version = 0 if row is None else row["version"]
        if versions != list(range(1, version + 1)):
            yield f"{subject} is at version {version}, its entries say {versions}"
        if row is not None and json.loads(row["body"])["version"] != version:
            yield f"{subject}: its body isn't of version {version}"


def runs_of_clocks(seen: Seen) -> Mapping[tuple[str, str, str, int], list[str]]:
    """Return what happened to each clock from each start, as its entries tell it."""
    runs: dict[tuple[str, str, str, int], list[str]] = {}
    started: dict[tuple[str, str, str], int] = {}
    for subject, chain in seen.chains.items():
        for entry in chain:
            for change in entry.get("clocks", ()):
                clock = (subject, change["clock"], change["part"])
                started[clock] = change.get("started", started.get(clock, -1))
                runs.setdefault((*clock, started[clock]), []).append(change["did"])
    return runs


def clock_is_what_its_entries_made(seen: Seen) -> Iterator[str]:
    rows = {(r["subject"], r["name"], r["part"], r["started"]): r for r in seen.tables["clocks"]}
    runs = runs_of_clocks(seen)
    for which in rows.keys() | runs.keys():
        did, row = runs.get(which, []), rows.get(which)
        ended = [act for act in did if act in ENDS]
        state = ended[0] if ended else "breached" if "breached" in did else "running"
        if row is None or row["state"] != state:
            yield f"the clock {which} is {row}, its entries say {did}"


def no_clock_acts_twice(seen: Seen) -> Iterator[str]:
    for which, did in runs_of_clocks(seen).items():
        times = Counter(did)
        if any(times[act] > 1 for act in ONCE) or sum(times[act] for act in ENDS) > 1:
            yield f"the clock {which}: {did}"


def clock_is_what_its_record_needs(seen: Seen, mall: Mall) -> Iterator[str]:
    rows: dict[str, list[ClockRow]] = defaultdict(list)
    for row in seen.tables["clocks"]:
        if row["state"] in OPEN_CLOCKS:
            fields = {name: value for name, value in row.items() if name != "mall"}
            rows[row["subject"]].append(ClockRow(**fields))
    for subject, row in seen.records.items():
        kind = mall.book.kind(subject.split("/", maxsplit=1)[0])
        record = kind.model.from_body(row["body"])
        rules = mall.policy.settings
        more = changes(
            mall.book.watching[kind.name], record, subject, rows.pop(subject, []), mall.now(),
            rules, rules,
        )
        for change in more:
            yield f"{subject} at version {row['version']} lacks {change}"
    if rows:
        yield f"clocks run for nothing: {rows}"


def outbox_holds_every_message(seen: Seen, mall: Mall) -> Iterator[str]:
    messages: dict[str, dict[int, Row]] = defaultdict(dict)
    for row in seen.tables["outbox"]:
        if "@" in row["id"]:
            continue  # a receiver's: it followed from one of these
        entry, _, number = row["id"].rpartition(".")
        messages[entry][int(number)] = json.loads(row["body"])
    for subject, chain in seen.chains.items():
        for entry in chain:
            there = messages.pop(f"{subject}#{entry['seq']}", {})
            names = [there[n]["name"] for n in sorted(there)]
            if list(there) and max(there) != len(there) - 1:
                yield f"{subject}#{entry['seq']} has a gap in its messages: {sorted(there)}"
            wanted = list(events_of(mall, subject, entry))
            if [name for name in names if name not in ("refund", "notice")] != wanted:
                yield f"{subject}#{entry['seq']} has the messages {names}, needs {wanted}"
    roots = {row["number"] for row in seen.tables["roots"]}
    if set(messages.pop("root", {})) != roots:
        yield f"not every root has its message: {roots}"
    if messages:
        yield f"messages of nothing: {messages}"


def events_of(mall: Mall, subject: str, entry: Row) -> Iterator[str]:
    """Yield the names of the events that an entry implies."""
    kind = mall.book.kind(subject.split("/", maxsplit=1)[0])
    if entry["outcome"] == "clock":
        yield "Clock" + entry["what"].removeprefix("clock.").capitalize()
    if entry["outcome"] == "moved":
        moves = [(entry["what"].split(".")[1], entry["from"])]
        moves += [(move["move"], move["from"]) for move in entry.get("followed", ())]
        for move, state in moves:
            edges = (m.edges.get((state, move)) for m in kind.machines_of[move])
            yield next(edge.event for edge in edges if edge is not None)
    for change in entry.get("clocks", ()):
        if change["did"] in ENDINGS:
            yield ENDINGS[change["did"]]


def every_refund_was_asked_for(seen: Seen, mall: Mall) -> Iterator[str]:
    asked: Counter[str] = Counter()
    for row in seen.tables["outbox"]:
        if row["topic"] == "refund":
            body = json.loads(row["body"])
            asked[f"order/{body['data']['order']}"] += body["data"]["amount"]
    for subject, row in seen.records.items():
        if subject.startswith("order/"):
            order: Any = mall.book.kind("order").model.from_body(row["body"])
            due = order.owed_back + order.returned_money - order.goodwill
            # a host that pays all back ends what hasn't left, and wasn't asked for that
            by_itself = any(line.refunded for line in order.lines)
            if asked[subject] > due or (asked[subject] < due and not by_itself):
                yield f"{subject}: {asked[subject]} asked for, {order}"


def other_rooms_did_what_follows(seen: Seen, mall: Mall) -> Iterator[str]:
    """Compare orders with the stock of what they order, and with the cases about them."""
    records: dict[str, list[Any]] = defaultdict(list)
    for subject, row in seen.records.items():
        kind = mall.book.kind(subject.split("/", maxsplit=1)[0])
        records[kind.name].append(kind.model.from_body(row["body"]))
    waiting, shipped = Counter[tuple[str, str]](), Counter[str]()
    for order in records["order"]:
        about = [case for case in records["case"] if case.order == order.id]
        for line in order.lines:
            waiting[line.listing, order.id] += line.outstanding
            shipped[line.listing] += line.shipped
            claimed = sum(claims(case).get(line.id, 0) for case in about)
            returned = sum(returns(case).get(line.id, 0) for case in about)
            if (line.claimed, line.returned) != (claimed, returned):
                yield f"{order.id}: {line} has {claimed} claimed and {returned} returned"
        for case in about:
            if order.due_for(case.id) != (case.due or 0) - case.booked:
                yield f"{order.id} owes {order.due_for(case.id)} for {case}"
    for stock in records["stock"]:
        held = {order: n for (listing, order), n in waiting.items() if listing == stock.id and n}
        if stock.holds != held:
            yield f"{stock.id} holds {stock.holds}, orders wait for {held}"
        came = Counter[str]()
        for entry in seen.chains[f"stock/{stock.id}"]:
            if entry["outcome"] == "moved":
                came[entry["what"]] += entry["args"].get("quantity", 0)
        there = came["stock.receive"] + came["stock.restock"] - came["stock.take"]
        if (stock.on_hand, came["stock.take"]) != (there, shipped[stock.id]):
            yield f"{stock.id} has {stock.on_hand}; {came} booked, {shipped[stock.id]} shipped"


def personal_value_is_there_with_its_entry(seen: Seen) -> Iterator[str]:
    values = {(r["subject"], r["seq"], r["path"]): r for r in seen.tables["personal"]}
    for subject, chain in seen.chains.items():
        for entry in chain:
            for name, value in entry.get("args", {}).items():
                if isinstance(value, dict) and "commitment" in value:
                    row = values.pop((subject, entry["seq"], f"args.{name}"), None)
                    right = row and sha256(row["salt"] + row["value"]).hexdigest()
                    if right != value["commitment"]:
                        yield f"{subject}#{entry['seq']} has lost {name}"
    if values:
        yield f"personal values of nothing: {values}"


def every_entry_is_sealed_or_waits(seen: Seen) -> Iterator[str]:
    leaves: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for row in seen.tables["leaves"]:
        leaves[row["subject"]].append((row["number"], row["seq"]))
    waiting: dict[str, list[int]] = defaultdict(list)
    for row in seen.tables["unsealed"]:
        waiting[row["subject"]].append(row["seq"])
    for subject in leaves.keys() | waiting.keys() | seen.chains.keys():
        sealed = [seq for _, seq in sorted(leaves[subject])]
        if sealed != sorted(set(sealed)):
            yield f"{subject} is sealed twice: {sealed}"
        covered = list(range(1, max(sealed, default=0) + 1))
        if covered + sorted(waiting[subject]) != [e["seq"] for e in seen.chains.get(subject, ())]:
            yield f"{subject}: sealed {sealed}, waiting {waiting[subject]}"


def nothing_is_heard_too_often_or_from_nowhere(seen: Seen) -> Iterator[str]:
    heard = Counter(map(shop.born, seen.heard))
    told = {
        shop.born(r["id"]).partition("#" if r["topic"] == "refund" else "\0")[0]
        for r in seen.tables["outbox"]
        if r["state"] in ("delivered", "accepted") and r["topic"] != "root"
        and ("@" in r["id"] or r["topic"] == "refund")
    }
    if unheard := told - heard.keys():
        yield f"told, but nobody heard: {unheard}"
    if nowhere := heard.keys() - {
        part for row in seen.tables["outbox"] for part in (row["id"], row["id"].partition("#")[0])
    }:
        yield f"heard, but never committed: {nowhere}"
    again = sum(heard.values()) - len(heard)
    if again > (cut := sum(cut_off(seen, "relay"))):
        yield f"{again} messages were heard again after {cut} relays were cut off"


def cut_off(seen: Seen, call: str) -> Iterator[bool]:
    """Yield for each ``call`` whether it came to no good end."""
    for note in seen.notes:
        if note.get("call") == call:
            yield seen.answers.get(note["tick"], {}).get("said") != "done"


ALONE: tuple[Callable[[Seen], Iterator[str]], ...] = (
    acknowledged_is_there_once,
    answered_version_is_its_entry,
    nothing_is_there_that_nobody_meant,
    host_row_is_there_with_our_move,
    key_is_there_with_its_move,
    record_is_what_its_entries_made,
    clock_is_what_its_entries_made,
    no_clock_acts_twice,
    personal_value_is_there_with_its_entry,
    every_entry_is_sealed_or_waits,
    nothing_is_heard_too_often_or_from_nowhere,
)
WITH_RULES: tuple[Callable[[Seen, Mall], Iterator[str]], ...] = (
    clock_is_what_its_record_needs,
    outbox_holds_every_message,
    every_refund_was_asked_for,
    other_rooms_did_what_follows,
)


def faults(seen: Seen, mall: Mall) -> list[str]:
    """Return everything that is wrong; ``mall`` says what the rules are."""
    alone = [f"{check.__name__}: {it}" for check in ALONE for it in check(seen)]
    return alone + [f"{check.__name__}: {it}" for check in WITH_RULES for it in check(seen, mall)]


def figures(seen: Seen) -> Mapping[str, int]:
    """Return how much has happened, for whoever wants to know what was tested."""
    begun = [note for note in seen.notes if "call" in note]
    unanswered = [note for note in begun if note["tick"] not in seen.answers]
    retried = [note for note in begun if note["tick"] != note["first"]]
    said = Counter(answer["said"] for answer in seen.answers.values())
    acts = Counter(act for did in runs_of_clocks(seen).values() for act in did)
    return {
        "commands": len(begun), **said,
        "killed inside a command": sum(n["call"] not in UPKEEP for n in unanswered),
        "killed inside upkeep": sum(n["call"] in UPKEEP for n in unanswered),
        "killed inside a joined command": sum(n["joined"] for n in unanswered),
        "done again with their key": len(retried),
        "entries": len(seen.tables["entries"]),
        "roots": len(seen.tables["roots"]),
        "messages": len(seen.tables["outbox"]),
        "heard again": len(seen.heard) - len(set(seen.heard)),
        "breaches": acts["breached"],
        "cases": sum(subject.startswith("case/") for subject in seen.records),
        "urges": sum(subject.startswith("urge/") for subject in seen.records),
        "taken from stock": sum(
            entry["what"] == "stock.take" and entry["outcome"] == "moved"
            for entry in seen.chains["stock/green-tea"]
        ),
    }
