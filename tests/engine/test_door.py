"""Ids, actors, texts and options: what the engine itself takes."""

from __future__ import annotations

import re
import uuid
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eldermall import Actor, Invalid, Text, new_id, person, system
from eldermall.engine.actor import STAFF
from eldermall.engine.inputs import (
    Arguments,
    Personal,
    Words,
    arguments,
    can_be_seen,
    personal_fields,
)
from eldermall.rooms.urging import Urges
from tests import shop

LAST = 2**53 - 1


@given(now=st.integers(0, LAST))
def test_a_new_id_is_a_uuid_of_version_7_that_tells_its_millisecond(now: int) -> None:
    id = new_id(now)
    made = uuid.UUID(id)
    assert (str(made), made.version, made.variant) == (id, 7, uuid.RFC_4122)
    assert made.int >> 80 == now // 1000
    assert person(id, "customer").id == id


@given(st.lists(st.integers(0, LAST // 1000), min_size=2, unique=True))
def test_new_ids_sort_as_they_were_made(milliseconds: list[int]) -> None:
    ids = [new_id(ms * 1000) for ms in sorted(milliseconds)]
    assert ids == sorted(ids)


def test_no_two_new_ids_of_one_moment_are_alike() -> None:
    assert len({new_id(0) for _ in range(1000)}) == 1000


# Actors


@pytest.mark.parametrize("actor", [*shop.EVERYBODY, shop.COURIER], ids=lambda a: a.id)
def test_an_actor_comes_back_from_an_entry_as_it_went_in(actor: Actor) -> None:
    assert Actor.from_json(actor.as_json()) == actor
    assert actor.is_staff == (actor.role in STAFF)
    assert None not in actor.as_json().values()


def test_the_system_says_what_made_it_act() -> None:
    assert system("courier:SF").as_json() == {
        "id": "system", "role": "system", "cause": "courier:SF"
    }


# Arguments


class Letter(Arguments):
    """Arguments with a text."""

    to: str
    words: Words = "-"


def test_personal_fields_are_marked_and_the_others_are_not() -> None:
    class Marked(Arguments):
        plain: str
        secret: Annotated[str, Personal("order")]

    assert personal_fields(Marked) == {"secret": "order"}
    assert Marked.personal == {"secret": "order"}
    assert Letter.personal == {}


def test_the_first_thing_that_is_wrong_is_told_with_where_it_stands() -> None:
    with pytest.raises(Invalid) as wrong:
        arguments(Letter, "letter.send", to="x", words="")
    assert wrong.value.where == "letter.send.words"
    assert re.search("[一-鿿]", wrong.value.text.zh)
    with pytest.raises(Invalid, match=r"letter\.send\.to = None is invalid: is missing"):
        arguments(Letter, "letter.send")


def test_a_text_is_said_in_either_language() -> None:
    text = Text("还剩 {n} 件", "{n} left")
    assert text.format(n=3) == Text("还剩 3 件", "3 left")
    assert [text.in_(lang) for lang in ("zh", "en")] == ["还剩 {n} 件", "{n} left"]


BLANKS = (
    " \t\n\r\x0b\x0c\x1c\x85\u00a0\u00ad\u1680\u2000\u2003\u2028\u2029\u202f\u205f\u3000"
    "\u115f\u1160\u180e\u200b\u200d\u200e\u2060\u2800\u3164\ufe0f\ufeff\uffa0\U000e0041"
)
blanks = st.text(BLANKS, max_size=5)


@given(before=blanks, after=blanks, seen=st.sampled_from("aé茶㐀9-.，。✓☎\U0002a6d6"))
def test_a_text_is_seen_exactly_if_one_of_its_signs_is(
    before: str, after: str, seen: str
) -> None:
    assert can_be_seen(before + seen + after)
    assert not can_be_seen(before + after)


@given(st.text())
def test_what_a_text_stripped_of_blanks_leaves_nothing_of_can_t_be_seen(text: str) -> None:
    assert text.strip() or not can_be_seen(text)


def test_what_follows_from_a_kept_text_of_blanks_is_not_asked_anew() -> None:
    follows = Urges.open.command(
        "U1", order="A1", target="merchant", reason="\u3000", way="-", by=system("order/A1#1")
    )
    assert follows.args.reason == "\u3000"  # type: ignore[attr-defined]
