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
from eldermall.engine.inputs import Arguments, Personal, Words, arguments, personal_fields
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
