"""A room declared once: its tables, commands, guards and reactions follow from its moves."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from eldermall import Actor, Decision, DefinitionError, Invalid, Mall, Text, hookimpl, person
from eldermall.calendars import microseconds
from eldermall.engine.blank import ERASED
from eldermall.engine.declaration import Changes, Move, internal, move
from eldermall.engine.declared import Adopting, Asks, Declared, M, Makes, erasure
from eldermall.engine.inputs import Bound, Frozen, Id, Label, Moment, Personal, Quantity
from eldermall.engine.kind import Command, Record
from eldermall.engine.machine import NEW, Guard, Machine, State, Transition, every_move_of
from eldermall.engine.parameters import By, When
from eldermall.engine.room import Options, Unpack
from eldermall.engine.track import Track, also, automatic, state
from tests import shop

WRITER = person("li", "customer")
CLERK = person("olivia", "operations", department="operations")


class Sheet(Frozen):
    """One sheet of a letter."""

    text: Label
    stamps: tuple[Id, ...] = ()


class Letter(Record):
    """A letter with its sheets."""

    state: str
    writer: Id
    sheets: tuple[Sheet, ...]
    copies: dict[Id, Quantity]
    note: Annotated[str | None, Personal("letter", of="writer")] = None
    due: Moment | None = None


def _not_empty(args: Any) -> None:
    if all(sheet.text == "-" for sheet in args.sheets):
        raise ValueError("sheets", Text("信件为空", "the letter is empty"))


def _no_swearing(id: object) -> None:
    if id == "damn":
        raise Invalid("letter.id", id, Text("请勿如此命名", "isn't a nice name"))


def _followed(before: Any, order: Any, args: Any, cause: Actor) -> Iterable[Command]:
    yield Letters.write.command(order.id, sheets=(Sheet(text="thanks"),), by=cause)


class Letters(Adopting[M, Letter]):
    """A room with all that a declaration can say."""

    kind = "letter"
    label = Text("信件", "letter")
    model = Letter
    link = "messages"
    indexed = ("writer",)

    class States(Track):
        """How far it is."""

        written = state(Text("已写好", "written"))
        sent = state(Text("已寄出", "sent"))
        lost = state(Text("已丢失", "lost"), end=True)
        shelved = state(Text("已存放", "shelved"), end=True, standing=True)

    @staticmethod
    def party(subject: Any, actor: Actor) -> bool:
        """Say whether it is theirs."""
        return bool(getattr(subject, "writer", actor.id) == actor.id)

    @move(
        NEW, to=States.written, by=("customer", "operations", "system"),
        says=Text("写信", "write"), event="Written", check=_not_empty, ids=_no_swearing,
    )
    @staticmethod
    def write(
        m: Move[Letter],
        id: str,
        *,
        sheets: Annotated[Sequence[Sheet | Mapping[str, Any]], Field(min_length=1)],
        copies: Mapping[Id, Quantity] | None = None,
        note: Annotated[Label | None, Personal("letter")] = None,
        due: When | None = None,
        **by: Unpack[By],
    ) -> Changes:
        """Write a letter."""
        return {
            "writer": m.actor.id, "sheets": sheets, "copies": copies or {}, "note": note,
            "due": None if due is None else microseconds(due),
        }

    @move(
        States.written, to=States.sent, by=("operations", "system"), says=Text("寄出", "send"),
        event="Sent", more=[also(States.sent, to=None, says=Text("再寄", "send again"))],
        unsaid={"way": "by itself"}, aside=True, link="",
    )
    @staticmethod
    def send(m: Move[Letter], id: str, way: Label, *, to: Id = "home", **by: Unpack[By]) -> Changes:
        """Send it."""
        return {"note": f"{way} to {to}"}

    @internal(States.sent, to=States.lost, says=Text("丢失", "lose"), event="Lost", named="lose")
    @staticmethod
    def lost_(m: Move[Letter], id: str, **by: Unpack[By]) -> Changes:
        """Lose it."""
        return {}

    erase = erasure.leaving(States.lost, States.shelved)

    shelve = automatic(
        States.written, to=States.shelved, says=Text("存放", "shelve"), event="Shelved",
        when=lambda letter: len(letter.sheets) > 2,
    )

    reactions = (write.after("order", "Completed", makes=_followed),)


class Post:
    """A plugin that brings letters."""

    @hookimpl
    def eldermall_kinds(self) -> list[Any]:
        return [Letters]


@pytest.fixture
def post() -> Iterable[Mall]:
    with shop.open_mall(plugins=[Post()]) as mall:
        shop.staff(mall)
        mall.designations.appoint("messages", CLERK.id, by=shop.LEADER)
        yield mall


def asked(command: Command) -> Command:
    return command


ROOM: Letters[Makes] = Letters(asked, lambda kind, id, by: None, Makes)


def command(made: Any) -> Command:
    assert isinstance(made, Command)
    return made


# The table


def test_the_table_is_the_one_that_its_rows_would_make_by_hand() -> None:
    table = Letters.States.table
    assert [m.name for m in Letters.KIND.machines] == ["letter"]
    assert (table.field, table.label, table.states[3]) == (
        "state", Letters.label, State("shelved", Text("已存放", "shelved"), True, True)
    )
    rows = [(t.name, t.sources, t.target, t.by, t.event) for t in table.transitions]
    assert rows == [
        ("write", (NEW,), "written", ("customer", "operations", "system"), "Written"),
        ("send", ("written",), "sent", ("operations", "system"), "Sent"),
        ("send", ("sent",), None, ("operations", "system"), "Sent"),
        ("lose", ("sent",), "lost", ("system",), "Lost"),
        ("erase", ("lost", "shelved"), None, ("operations", "system"), "PersonalErased"),
        ("shelve", ("written",), "shelved", (), "Shelved"),
    ]
    by_hand = Machine(
        "letter", "state", Letters.label, table.states,
        tuple(
            Transition(name, sources, target, by, t.label, event, t.effect, t.when, t.erases)
            for (name, sources, target, by, event), t in zip(rows, table.transitions, strict=True)
        ),
    )
    assert by_hand.edges.keys() == table.edges.keys()


def test_a_move_belongs_to_the_link_of_its_room_unless_it_says_another_or_none() -> None:
    links = {t.name: t.link for t in Letters.States.table.transitions}
    assert links == {
        "write": "messages", "send": "", "lose": "messages", "erase": "messages", "shelve": None
    }
    guarded = [g.name for g in every_move_of("messages").guards(Letters.KIND.machines)]
    assert guarded == ["write", "lose", "erase"]


def test_a_guard_is_on_the_move_or_state_in_every_table_that_has_it() -> None:
    assert Letters.send.guard == (Guard("letter", "move", "send"),)
    assert Letters.lost_.guard == (Guard("letter", "move", "lose"),)
    assert Letters.States.lost.entered == (Guard("letter", "enter", "lost"),)


class Twin(Record):
    """A record of two tracks that exclude each other."""

    road: str | None = None
    rail: str | None = None
    way: str


class Begun(Track):
    """With which both tracks begin."""

    ready = state(Text("就绪", "ready"))


class Road(Track, name="road", label=Text("公路", "road"), applies=lambda t: t.way == "road"):
    """By road."""

    (ready,) = Begun.shared()
    driven = state(Text("已驶离", "driven"), end=True)


class Rail(Track, name="rail", label=Text("铁路", "rail"), applies=lambda t: t.way == "rail"):
    """By rail."""

    (ready,) = Begun.shared()
    gone = state(Text("已发车", "gone"), end=True)


class Starting:
    """What both begin with."""

    @move(NEW, to=Begun.ready, by=("operations",), says=Text("备好", "make ready"), event="Ready")
    @staticmethod
    def prepare(m: Move[Twin], id: str, *, way: Id, **by: Unpack[By]) -> Changes:
        """Make ready."""
        return {"way": way}


class Twins(Starting, Declared[M, Twin]):
    """A room of two tracks that share a state and a move."""

    kind = "twin"
    label = Text("双轨", "twin")
    model = Twin
    road = Road
    rail = Rail

    @move(Road.ready, to=Road.driven, by=("operations",), says=Text("驶离", "go"), event="Driven")
    @staticmethod
    def drive(m: Move[Twin], id: str, **by: Unpack[By]) -> Changes:
        """Drive."""
        return {}

    @move(Begun.ready, to=None, by=("operations",), says=Text("检查", "look"), event="Looked")
    @staticmethod
    def look(m: Move[Twin], id: str, **by: Unpack[By]) -> Changes:
        """Look."""
        return {}

    @move(Rail.ready, to=Rail.gone, by=("operations",), says=Text("发车", "go"), event="Gone")
    @staticmethod
    def go(m: Move[Twin], id: str, **by: Unpack[By]) -> Changes:
        """Go."""
        return {}


def test_a_move_from_a_shared_state_is_in_both_tables_and_one_of_a_track_in_its_own() -> None:
    tables = {m.name: [t.name for t in m.transitions] for m in Twins.KIND.machines}
    assert tables == {"road": ["prepare", "drive", "look"], "rail": ["prepare", "look", "go"]}
    assert {g.machine for g in Twins.look.guard} == {"road", "rail"}
    assert {g.machine for g in Twins.drive.guard} == {"road"}
    assert {g.machine for g in Begun.ready.entered} == {"road", "rail"}
    assert {g.machine for g in Road.ready.entered} == {"road"}


def test_a_room_that_does_not_say_whose_it_is_leaves_that_to_the_roles() -> None:
    kind = Twins.KIND
    assert kind.party(None, WRITER)
    assert kind.moments is not None
    assert kind.requests is not None
    assert (kind.moments(None), kind.requests(None, None), kind.link) == ((), (), None)


def test_a_state_of_another_room_is_found_when_the_room_is_declared() -> None:
    with pytest.raises(DefinitionError, match="Stray: the move run names the state sent") as wrong:

        class Stray(Declared[M, Letter]):
            kind = "stray"
            label = Text("迷路", "stray")
            model = Letter

            class States(Track):
                here = state(Text("在此", "here"), end=True)

            @move(
                States.here, to=Letters.States.sent, by=("operations",), says=Text("跑", "run"),
                event="Run",
            )
            @staticmethod
            def run(m: Move[Letter], id: str, **by: Unpack[By]) -> Changes:
                return {}

    assert "Stray 的动作 run 引用了别处的状态 sent" in wrong.value.text.zh


# What callers say, what is stored, what the effect is handed


def test_the_signature_is_what_a_caller_says_with_by_behind_what_is_required() -> None:
    shown = inspect.signature(ROOM.write)
    names = [(p.name, p.kind.description, p.default) for p in shown.parameters.values()]
    none = inspect.Parameter.empty
    assert names == [
        ("id", "positional or keyword", none), ("sheets", "keyword-only", none),
        ("by", "keyword-only", none), ("copies", "keyword-only", None),
        ("note", "keyword-only", None), ("due", "keyword-only", None),
        ("options", "variadic keyword", none),
    ]
    hints = {p.name: p.annotation for p in shown.parameters.values()}
    assert hints == {
        "id": str, "sheets": Sequence[Sheet | Mapping[str, Any]], "by": Actor,
        "copies": Mapping[str, int] | None, "note": str | None, "due": datetime | None,
        "options": Unpack[Options],
    }
    assert (ROOM.write.__doc__, ROOM.write.__name__) == ("Write a letter.", "write")
    assert repr(ROOM.send).startswith("<command letter.send(id: str, way: str, *, ")


def test_lists_and_mappings_are_stored_as_what_cannot_change() -> None:
    sheets: list[Any] = [{"text": "hello", "stamps": ["a", "b"]}, Sheet(text="bye")]
    made = command(ROOM.write("L1", sheets=sheets, copies={"c": 2}, by=WRITER))
    assert made.args.model_dump() == {
        "sheets": ({"text": "hello", "stamps": ("a", "b")}, {"text": "bye", "stamps": ()}),
        "copies": {"c": 2}, "note": None, "due": None,
    }
    assert made.args.personal == {"note": "letter"}


@given(st.datetimes(datetime(1970, 1, 2), datetime(2254, 1, 1), timezones=st.just(UTC)))
def test_a_moment_is_stored_in_microseconds_and_handed_to_the_effect_as_it_was_said(
    due: datetime,
) -> None:
    made = command(ROOM.write("L1", sheets=[{"text": "x"}], due=due, by=WRITER))
    assert getattr(made.args, "due") == microseconds(due)  # noqa: B009
    write = Letters.States.table.named("write")
    heard: list[Any] = []

    class Said:
        id, actor, at, args = "L1", WRITER, 0, made.args

    assert write.effect is not None
    heard.append(write.effect(Said()))  # type: ignore[arg-type]
    assert heard[0]["due"] == microseconds(due)


@pytest.mark.parametrize(
    ("given_", "where"),
    [
        ({"sheets": "text"}, "letter.write.sheets = 'text' is invalid: must be a list"),
        ({"sheets": []}, "letter.write.sheets = () is invalid: needs 1 item or more"),
        ({"sheets": [{"text": ""}]}, "letter.write.sheets.0.text = '' is invalid"),
        ({"sheets": [{"text": " "}]}, "letter.write.sheets.0.text = ' ' is invalid: must hold"),
        ({"sheets": [{"text": "-"}]}, r"is invalid: the letter is empty"),
        ({"sheets": [3]}, "letter.write.sheets.0 = 3 is invalid: must be a mapping of fields"),
        ({"copies": 3}, "letter.write.copies = 3 is invalid: must be a mapping"),
        ({"due": "soon"}, "letter.write.due = 'soon' is invalid: must be a datetime with a zone"),
        ({"colour": "red"}, "letter.write.colour = 'red' is invalid: is not an argument here"),
        ({"by": "li"}, "letter.write.by = 'li' is invalid: must be a person"),
        ({"id": "damn"}, "letter.id = 'damn' is invalid: isn't a nice name"),
        ({"id": "a b"}, "letter.write.id = 'a b' is invalid: an id is"),
    ],
    ids=str,
)
def test_a_wrong_argument_is_told_where_it_stands(given_: dict[str, Any], where: str) -> None:
    right: dict[str, Any] = {"id": "L1", "sheets": [{"text": "x"}], "by": WRITER}
    with pytest.raises(Invalid) as wrong:
        ROOM.write(**right | given_)
    assert where in str(wrong.value)


@pytest.mark.parametrize(
    ("args", "named", "lacking"),
    [
        (("L1", "post", "too much"), {"by": CLERK}, ""),
        (("L1", CLERK), {}, "; missing: by"),
        (("L1",), {"by": CLERK}, "; missing: way"),
        (("L1", "post"), {"way": "post", "by": CLERK}, ""),
        ((), {}, "; missing: by, id, way"),
    ],
    ids=str,
)
def test_a_call_that_does_not_fit_is_told_the_real_signature(
    args: tuple[Any, ...], named: dict[str, Any], lacking: str
) -> None:
    with pytest.raises(TypeError) as wrong:
        ROOM.send(*args, **named)
    assert str(wrong.value) == f"call it as Letters.send{inspect.signature(ROOM.send)}{lacking}"


def test_what_is_required_may_be_said_by_position_where_the_move_says_so() -> None:
    made = command(ROOM.send("L1", "pigeon", by=CLERK, key="k", expect=2))
    assert (made.args.model_dump(), made.key, made.expect) == (
        {"way": "pigeon", "to": "home"}, "k", 2
    )


def test_a_declaration_has_no_mall_and_an_open_room_no_command_for_what_only_the_mall_does(
    post: Mall,
) -> None:
    with pytest.raises(DefinitionError, match=r"letter\.send is a declaration"):
        Letters.send("L1", "post", by=CLERK)  # type: ignore[operator]
    assert not hasattr(post.room(Letters), "lost_")
    assert list(Letters.COMMANDS) == ["write", "send", "erase", "adopt"]


def test_markers_say_how_much_and_whose() -> None:
    assert Bound(500).most == 500
    (mark,) = [m for m in Letter.model_fields["note"].metadata if isinstance(m, Personal)]
    assert (mark.purpose, mark.of) == ("letter", "writer")


# On a mall


def test_a_declared_room_of_a_plugin_moves_asks_and_is_adopted_as_the_mall_s_own(
    post: Mall,
) -> None:
    room, may = post.room(Letters), post.may.room(Letters)
    assert isinstance(may, Letters)
    assert may.does is Asks
    asked_ = may.write("L1", sheets=[{"text": "x"}], by=WRITER)
    assert isinstance(asked_, Decision)
    assert asked_.allowed
    letter = room.write("L1", sheets=[{"text": "x"}], note="for grandma", by=WRITER)
    assert (letter.state, letter.note, room.get("L1")) == ("written", "for grandma", letter)
    assert room.send("L1", "post", by=CLERK).state == "sent"
    assert room.send("L1", "pigeon", to="office", by=CLERK).note == "pigeon to office"
    given_ = {"state": "shelved", "writer": "li", "sheets": [{"text": "old"}] * 3, "copies": {}}
    assert room.adopt("L2", given_, by=CLERK).state == "shelved"
    with post.batch() as many:
        assert many.room(Letters).write("L3", sheets=[{"text": "x"}] * 3, by=WRITER).state == (
            "shelved"
        )
    shop.completed(post)
    assert room.get("A1").sheets == (Sheet(text="thanks"),)


def test_a_move_that_a_clock_makes_has_what_the_declaration_takes_for_unsaid(post: Mall) -> None:
    again = [t for t in Letters.States.table.transitions if t.name == "send"][1]

    class Nothing:
        id, actor, at, args = "L1", CLERK, 0, object()

    assert again.effect is not None
    with pytest.raises(AttributeError):
        again.effect(Nothing())  # type: ignore[arg-type]  # ``to`` isn't among what is unsaid


def test_words_of_a_person_are_erased_from_a_plugin_s_record_only_when_they_were_kept_long_enough(
    post: Mall,
) -> None:
    room = post.room(Letters)
    room.write("L1", sheets=[{"text": "x"}] * 3, note="for grandma", by=WRITER)
    assert post.may.room(Letters).erase("L1", by=CLERK).rules == ("retention.kept-long-enough@1",)


def test_erased_words_are_blanked() -> None:
    kept = Letter(
        id="L1", version=1, pack="", created_at=0, state="lost", writer="li", sheets=(), copies={},
        note="x",
    )

    class Old:
        id, actor, at, record, args = "L1", CLERK, 0, kept, object()

    effect = Letters.States.table.named("erase").effect
    assert effect is not None
    assert effect(Old()) == {"note": ERASED}  # type: ignore[arg-type]


def test_the_work_list_leaves_out_what_nobody_waits_for(post: Mall) -> None:
    letter = post.room(Letters).write("L1", sheets=[{"text": "x"}], by=WRITER)
    assert Letters.KIND.waiting(letter) == Letters.KIND.machines
    assert Letters.KIND.expected(letter, "operations") == ()
    shelved = letter.model_copy(update={"state": "shelved"})
    assert Letters.KIND.waiting(shelved) == ()
