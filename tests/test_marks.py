"""Each text of a room is a person's, or says why not; what is a person's stands in no entry."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import pytest
from typer.testing import CliRunner

from eldermall import Invalid, Mall, Text
from eldermall.adapters.storage.sql.storage import SqlStorage
from eldermall.cli import app
from eldermall.engine.blank import ERASED, blank
from eldermall.engine.declaration import Changes, Move, move
from eldermall.engine.declared import Declared, M
from eldermall.engine.inputs import Frozen, Id, Label, Personal, Plain
from eldermall.engine.kind import Record
from eldermall.engine.machine import NEW
from eldermall.engine.marks import unmarked
from eldermall.engine.parameters import By
from eldermall.engine.room import Unpack
from eldermall.engine.track import Track, state
from eldermall.mall import rulebook
from eldermall.reports.clear import in_clear
from eldermall.rooms import DECLARED
from tests import shop
from tests.test_golden import SAMPLE
from tests.walk import walk


@pytest.mark.parametrize("room", DECLARED.values(), ids=DECLARED)
def test_each_text_of_each_room_is_personal_or_says_why_not(room: Any) -> None:
    assert unmarked(room) == []


class Sheet(Frozen):
    """A sheet of a letter."""

    words: Annotated[Label, Personal("letter")]
    stamp: Label
    colour: Annotated[str, Plain("of the paper")]


class Letter(Record):
    """A letter."""

    state: str
    writer: Id
    sheets: tuple[Sheet, ...]
    copies: dict[Id, Sheet]
    greeting: Annotated[Label | None, Personal("letter")] = None
    farewell: tuple[Annotated[Label, Personal("letter")], ...] = ()
    tone: str = ""


class Letters(Declared[M, Letter]):
    """A plugin's room, carelessly marked."""

    kind = "letter"
    label = Text("信件", "letter")
    model = Letter

    class States(Track):
        """It is there."""

        written = state(Text("已写好", "written"), end=True)

    @move(NEW, to=States.written, by=("customer",), says=Text("写信", "write"), event="Written")
    @staticmethod
    def write(
        m: Move[Letter], id: str, *, writer: Id, sheets: tuple[Sheet, ...], note: Label,
        greeting: Annotated[Label | None, Personal("letter")] = None, **by: Unpack[By],
    ) -> Changes:
        """Write one."""
        return {"writer": writer, "sheets": sheets, "copies": {}, "greeting": greeting}


def test_what_a_plugin_leaves_unmarked_or_marks_where_nobody_looks_is_named() -> None:
    assert unmarked(Letters) == [
        "letter.sheets.stamp", "letter.copies.stamp", "letter.farewell", "letter.tone",
        "letter.write.sheets.words", "letter.write.sheets.stamp", "letter.write.note",
    ]


def test_words_are_blanked_wherever_they_stand_in_a_record() -> None:
    sheet = Sheet(words="dear", stamp="red", colour="white")
    letter = Letter(
        id="L1", version=1, pack="-", created_at=0, state="written", writer="li",
        sheets=(sheet,), copies={"a": sheet}, greeting="hello",
    )

    class Given:
        record = letter

    changed: Any = blank(Given())  # type: ignore[arg-type]
    assert changed.keys() == {"sheets", "copies", "greeting"}
    assert changed["sheets"][0].words == changed["copies"]["a"].words == ERASED
    assert changed["copies"]["a"].stamp == "red"
    Given.record = letter.model_copy(update=changed)
    assert blank(Given()) == {}  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def walked() -> Iterator[tuple[Mall, shop.Time]]:
    """A mall in which every move was made."""
    time = shop.Time(datetime(2026, 3, 2, 1, tzinfo=UTC))
    with shop.open_mall(time=time) as mall:
        shop.staff(mall)
        walk(mall, time)
        yield mall, time


def test_what_is_personal_stands_in_no_entry_of_its_record(walked: tuple[Mall, shop.Time]) -> None:
    mall, _ = walked
    with mall.read() as tx:
        bodies = [(row.subject, json.loads(row.body)) for row in tx.entries()]
        rows = {subject: tx.personal(subject) for subject, _ in bodies}
    short = {"SF1001", "phone"}
    kept = {
        subject: {json.loads(row.value) for row in found if row.value[:1] == b'"'}
        for subject, found in rows.items()
    }
    assert short <= set().union(*kept.values())
    for subject, body in bodies:
        said = json.dumps(body | {"actor": None, "clocks": None}, ensure_ascii=False)
        for value in kept[subject]:
            if value in short or " " in value:  # others are words that ids are, too
                assert json.dumps(value, ensure_ascii=False) not in said, (subject, value)


def test_an_urge_that_was_answered_is_erased_after_its_keeping_time(
    mall: Mall, time: shop.Time
) -> None:
    shop.place(mall)
    shop.pay(mall)
    shop.accept(mall)
    mall.urges.open(
        "U1", order="A1", target="merchant", reason="Mrs Li is ill", way="her son called",
        by=shop.SERVICE,
    )
    mall.urges.answer("U1", text="her neighbour takes it", by=shop.MERCHANT)
    time.pass_(days=365 * 4)
    mall.erase_expired()
    urge = mall.urges.get("U1")
    assert (urge.reason, urge.asked[0].way, urge.answer) == (ERASED, ERASED, ERASED)
    assert mall.verify().passed
    with mall.read() as tx:
        assert not list(tx.personal("urge/U1"))


def test_a_tracking_number_works_until_it_is_erased_with_its_order(
    mall: Mall, time: shop.Time
) -> None:
    shop.completed(mall)
    assert mall.orders.get("A1").parcels[0].tracking == "SF1001"
    (entry,) = (e for e in mall.journal("order", "A1") if e["what"] == "order.ship")
    assert set(entry["args"]["tracking"]) == {"commitment"}
    for _ in range(3):
        mall.callbacks.attempt("A1", note="no answer", by=shop.SERVICE)
    mall.callbacks.give_up("A1", by=shop.SERVICE)
    mall.orders.archive("A1", by=shop.SERVICE)
    time.pass_(days=365 * 4)
    mall.erase_expired()
    order = mall.orders.get("A1")
    assert (order.parcels[0].tracking, order.contact_way) == (ERASED, ERASED)


def test_on_what_ground_somebody_was_held_fit_is_erased_once_they_are_off_duty(
    mall: Mall, time: shop.Time
) -> None:
    for room, post in ((mall.designations, "messages"), (mall.assignments, "tea-house")):
        room.appoint(post, "ann", basis="her uncle's advice", by=shop.LEADER)
        room.appoint(post, "ben", basis="ten years here", by=shop.LEADER)
        room.dismiss(post, "ann", by=shop.LEADER)
    early = shop.refusal(mall.designations.erase, "messages", by=shop.OPERATIONS)
    assert early.rules == ("retention.trade-data@1",) or early.rules
    time.pass_(days=365 * 4)
    mall.erase_expired()
    for room, post in ((mall.designations, "messages"), (mall.assignments, "tea-house")):
        spans = {s.person: s.basis for s in room.get(post).spans}
        assert (spans["ann"], spans["ben"]) == (ERASED, "ten years here")
    with pytest.raises(Invalid, match="must be a link"):
        mall.designations.erase("cook", by=shop.OPERATIONS)


# Written before


def test_what_was_written_in_clear_before_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "mall.db"
    with closing(sqlite3.connect(path)) as raw:
        raw.executescript(SAMPLE.read_text(encoding="utf-8"))
        bodies = [json.loads(b) for (b,) in raw.execute("SELECT body FROM eldermall_entries")]
    shipped = sum(isinstance(b["args"].get("tracking"), str) for b in bodies
                  if b["what"] == "order.ship")
    assert shipped
    with closing(SqlStorage(f"sqlite:///{path}")) as storage:
        storage.upgrade(kind.record_kind for kind in rulebook().kinds.values())
    done = CliRunner().invoke(app, ["verify", f"sqlite:///{path}", "--clear", "--json"])
    assert done.exit_code == 0, done.output
    counted = json.loads(done.stdout)["clear"]
    assert counted["order.ship.tracking"] == shipped
    assert counted["urge.open.way"]
    said = CliRunner().invoke(app, ["verify", f"sqlite:///{path}", "--clear", "--lang", "en"])
    assert f"personal by now: {sum(counted.values())}" in " ".join(said.output.split())
    plain = CliRunner().invoke(app, ["verify", f"sqlite:///{path}", "--json"])
    assert "clear" not in json.loads(plain.stdout)


def test_what_is_written_now_says_nothing_in_clear(walked: tuple[Mall, shop.Time]) -> None:
    with walked[0].read() as tx:
        assert in_clear(tx) == {}
