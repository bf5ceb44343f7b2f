"""Bodies of every past schema load, are upgraded, and say what they said before.

``samples/bodies/KIND-SCHEMA.json`` and ``KIND-SCHEMA-WHAT.json`` hold bodies as a mall of that
schema kept them. They are never made anew: a changed schema gets samples beside the old ones.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eldermall.engine.blank import ERASED
from eldermall.engine.kind import Record
from eldermall.mall import Mall
from eldermall.rooms import KINDS
from eldermall.rooms.orders.order import Order
from tests import shop

BODIES = Path(__file__).parent / "samples" / "bodies"
MODELS: Mapping[str, type[Record]] = {kind.name: kind.model for kind in KINDS}

NEVER_HANDLED: dict[str, Any] = {
    "lines": [], "contacts": [], "notes": [], "escalation_reason": None,
}
ADDED: dict[str, dict[str, Any]] = {
    "callback-1": {"channel": None, "complaint": None},
    "callback-1-due": {"channel": None, "complaint": None},
    "callback-1-erased": {"channel": None, "complaint": None},
    "complaint-1": NEVER_HANDLED | {"escalated_by": "system"},
    "complaint-1-erased": NEVER_HANDLED | {"escalated_by": None},
    "complaint-1-received": NEVER_HANDLED | {"escalated_by": None},
    "order-2-case": {"debts": [{"id": None, "amount": 6800, "case": "R1"}]},
    "order-2-under-way": {"debts": [{"id": None, "amount": 5600, "case": None}]},
    "order-2-owed": {"debts": [{"id": None, "amount": 6800, "case": None}]},
    "listing-1": {"mode": "merchant_self", "assistance": None},
    "listing-1-own": {"mode": "self_operated", "assistance": None},
}
"""What the newest schema says besides, where that isn't the default of a field that is new."""

SAMPLES = sorted(path.stem for path in BODIES.glob("*.json"))


def sample(name: str) -> bytes:
    return (BODIES / f"{name}.json").read_bytes().strip()


def stays(old: Any, new: Any) -> bool:
    """Say whether ``new`` says all that ``old`` says, and in what was there nothing else."""
    if isinstance(old, dict):
        return all(key in new and stays(old[key], new[key]) for key in old)
    if isinstance(old, list):
        return len(old) == len(new) and all(map(stays, old, new))
    return bool(old == new)


def model_of(name: str) -> type[Record]:
    return MODELS[name.partition("-")[0]]


@pytest.mark.parametrize("name", SAMPLES)
def test_a_body_of_a_past_schema_is_read_as_what_it_was(name: str) -> None:
    model, kept = model_of(name), json.loads(sample(name))
    assert kept["schema"] == int(name.split("-")[1])
    record = model.from_body(sample(name))
    said = json.loads(record.body())
    assert said.pop("schema") == model.SCHEMA
    told = {key: value for key, value in kept.items() if key not in ("schema", "dues")}
    assert stays(told, said)
    new = {key: value for key, value in said.items() if key not in kept}
    empty = model.model_construct()  # type: ignore[call-arg]
    defaults = json.loads(empty.model_dump_json())
    assert new == {key: defaults.get(key) for key in new} | ADDED.get(name, {})
    assert model.from_body(record.body()) == record


def test_a_parcel_that_had_arrived_has_the_event_of_its_arrival() -> None:
    order = Order.from_body(sample("order-1"))
    arrived, under_way = order.parcels
    assert [(e.status, e.at) for e in arrived.events] == [("delivered", arrived.delivered_at)]
    assert under_way.events == ()


@pytest.mark.parametrize("name", [n for n in SAMPLES if n.startswith("order-")])
def test_what_an_order_of_a_past_schema_owes_is_told_apart_and_all_of_it(name: str) -> None:
    order = Order.from_body(sample(name))
    assert sum(debt.amount for debt in order.debts) == order.owed_back
    dues = json.loads(sample(name)).get("dues", [])
    assert {debt.case: debt.amount for debt in order.debts if debt.case is not None} == {
        due["case"]: due["amount"] for due in dues
    }


def test_a_parcel_that_had_come_back_to_its_sender_has_ended() -> None:
    (parcel,) = Order.from_body(sample("order-2-returned")).parcels
    assert parcel.ended is not None
    assert parcel.ended.how == "returned"


@pytest.mark.parametrize("kind", MODELS)
def test_every_past_schema_has_a_way_up_and_a_sample(kind: str) -> None:
    model = MODELS[kind]
    past = set(range(1, model.SCHEMA))
    assert set(model.UPGRADES) == past
    assert past <= {int(s.split("-")[1]) for s in SAMPLES if model_of(s) is model}


@pytest.mark.parametrize("name", [name for name in SAMPLES if name.endswith("erased")])
def test_what_was_erased_stays_erased(name: str) -> None:
    kept = sample(name).decode()
    after = model_of(name).from_body(sample(name)).body().decode()
    assert after.count(ERASED) == kept.count(ERASED)


@given(st.data())
def test_an_upgrade_changes_nothing_that_it_is_given(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([n for n in SAMPLES if model_of(n).SCHEMA > 1]))
    fields = json.loads(sample(name))
    schema = fields.pop("schema")
    before = json.dumps(fields)
    first = model_of(name).UPGRADES[schema](fields)
    assert json.dumps(fields) == before
    assert model_of(name).UPGRADES[schema](fields) == first


# What is kept goes on


def kept(mall: Mall, kind: str, body: bytes) -> None:
    """Keep a record as a mall of a past schema left it, under the policy in force."""
    fields = json.loads(body) | {"pack": mall.policy.settings.pack}
    noun = mall.book.kind(kind)
    record = noun.model.from_body(json.dumps(fields).encode())
    row = replace(noun.row(record, 0), body=json.dumps(fields).encode())
    with mall.storage.write(mall.code) as tx:
        tx.save([row])


def test_a_number_of_blanks_that_was_kept_is_no_damage_and_the_order_goes_on(
    mall: Mall, time: shop.Time
) -> None:
    time.pass_(days=9)
    blank = sample("order-1").replace(b'"SF1001"', '"\u3000"'.encode())
    assert blank != sample("order-1")
    kept(mall, "order", blank)
    order = Order.from_body(blank)
    assert order.parcels[0].tracking == "\u3000"
    assert Order.from_body(order.body()) == order
    (under_way,) = (p for p in order.parcels if p.delivered_at is None)
    mall.orders.deliver(order.id, parcel=under_way.id, by=shop.COURIER)
    assert all(p.delivered_at for p in mall.orders.get(order.id).parcels)


def test_a_listing_goes_on_as_its_merchant_s_own(
    mall: Mall, time: shop.Time
) -> None:
    time.pass_(days=9)
    kept(mall, "listing", sample("listing-1"))
    mall.listings.revise("green-tea", content=shop.CONTENT, by=shop.MERCHANT)
    mall.listings.submit("green-tea", by=shop.MERCHANT)
    assert mall.listings.get("green-tea").work == "submitted"


def test_a_complaint_goes_on_with_notes_and_is_closed(
    mall: Mall, time: shop.Time
) -> None:
    time.pass_(days=9)
    kept(mall, "complaint", sample("complaint-1"))
    mall.complaints.note("C1", text="She is content.", by=shop.SERVICE)
    mall.complaints.close("C1", satisfied="yes", remedy="granted", by=shop.SERVICE)
    assert mall.complaints.get("C1").notes[0].text == "She is content."


def test_a_callback_goes_on_with_a_complaint(
    mall: Mall, time: shop.Time
) -> None:
    time.pass_(days=9)
    shop.place(mall, "B3")
    kept(mall, "callback", sample("callback-1-due"))
    mall.callbacks.reach(
        "B3", satisfaction="neutral", suggestion="", complaint="It was late.", by=shop.SERVICE
    )
    assert mall.complaints.get("callback.B3").channel == "app"
