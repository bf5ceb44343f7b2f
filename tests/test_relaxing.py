"""A rule that a policy doesn't enforce for a while: observed or off, by whom, and until when."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from eldermall import Mall, Refused, head_of
from tests import shop

RELAXED = {
    "mode": "observe", "author": "board", "approver": "lin", "reason": "trial",
    "until": "2026-03-05",
}


def relaxed(*ids: str, **changed: str) -> dict[str, Any]:
    """Return the demo policy with these rules and clocks relaxed."""
    return shop.policy() | {"enforce": dict.fromkeys(ids, RELAXED | changed)}


def opened(*ids: str, url: str = "memory:", **changed: str) -> tuple[Mall, shop.Time]:
    """Open a staffed mall in which these rules and clocks are relaxed."""
    time = shop.Time()
    mall = shop.open_mall(url, time, policy=relaxed(*ids, **changed))
    shop.staff(mall)
    return mall, time


def unpaid(mall: Mall, id: str = "A1") -> None:
    """Take an order to where only its payment is missing."""
    shop.place(mall, id)
    shop.accept(mall, id)


def verdicts(mall: Mall, rule: str, id: str = "A1") -> list[dict[str, Any]]:
    """Return what the last entry of an order says of a rule."""
    said: list[dict[str, Any]] = mall.journal("order", id)[-1]["verdicts"]
    return [v for v in said if v["rule"].startswith(rule)]


def test_an_observed_rule_lets_the_move_happen_and_the_journal_says_that_it_would_not_have() -> (
    None
):
    mall, _ = opened("shipping.paid-first")
    unpaid(mall)
    decision = mall.may.orders.ship(
        "A1", parcel="p", courier="SF", tracking="1", lines={"tea": 1}, by=shop.MERCHANT
    )
    assert decision.allowed
    assert decision.rules == ()
    shop.ship(mall)
    assert mall.orders.get("A1").goods == "shipped"
    assert verdicts(mall, "shipping.paid-first") == [
        {
            "rule": "shipping.paid-first@1", "outcome": "refused", "enforced": False,
            "clauses": ["S19-11-1d"], "missing": [],
        }
    ]


def test_a_rule_that_is_off_is_not_asked() -> None:
    mall, _ = opened("shipping.paid-first", mode="off")
    unpaid(mall)
    shop.ship(mall)
    assert verdicts(mall, "shipping.paid-first") == []


@pytest.mark.parametrize("mode", ["observe", "off"])
def test_a_relaxation_ends_by_itself_when_its_last_day_has_passed(mode: str) -> None:
    mall, time = opened("shipping.paid-first", mode=mode)
    time.now = datetime(2026, 3, 5, 15, 59, tzinfo=UTC)  # one minute to midnight in Shanghai
    unpaid(mall)
    unpaid(mall, "A2")
    shop.ship(mall)
    time.pass_(minutes=1)
    assert shop.refusal(shop.ship, mall, "A2").rules == ("shipping.paid-first@1",)


def test_only_the_rule_that_is_named_is_relaxed() -> None:
    mall, _ = opened("callback.before-archive")
    unpaid(mall)
    with pytest.raises(Refused):
        shop.ship(mall)


def test_what_a_record_was_submitted_under_does_not_relax_what_the_policy_in_force_enforces(
    tmp_path: Any,
) -> None:
    time, storage = shop.Time(), f"sqlite:///{tmp_path}/mall.db"
    with shop.open_mall(storage, time, policy=relaxed("shipping.paid-first")) as mall:
        shop.staff(mall)
        unpaid(mall)
        with shop.open_mall(storage, time) as strict, pytest.raises(Refused):
            shop.ship(strict)


def test_an_observed_clock_runs_and_its_breach_is_written_down_but_moves_and_tells_nobody() -> None:
    mall, time = opened("complaints.answered-in-time", until="2026-12-31")
    mall.complaints.receive("C1", customer="li", words="...", by=shop.SERVICE)
    time.pass_(days=2)
    assert mall.sweep().breached == 1
    assert mall.complaints.get("C1").state == "received"
    last = mall.journal("complaint", "C1")[-1]
    assert (last["what"], last["enforced"]) == ("clock.breached", False)
    assert {"notice"} & {m.topic for m in mall.messages()} == set()


def test_a_clock_that_is_off_does_not_start_and_one_that_runs_is_ended_by_the_sweep(
    tmp_path: Any,
) -> None:
    url, time = f"sqlite:///{tmp_path}/mall.db", shop.Time()
    with shop.open_mall(url, time) as mall:
        shop.staff(mall)
        mall.complaints.receive("C1", customer="li", words="...", by=shop.SERVICE)
    off = relaxed("complaints.answered-in-time", mode="off", until="2026-12-31")
    with shop.open_mall(url, time, policy=off) as mall:
        mall.complaints.receive("C2", customer="li", words="...", by=shop.SERVICE)
        assert shop.clocks(mall, "complaints.answered-in-time", "complaint/C2") == {}
        time.pass_(days=2)
        assert mall.sweep().breached == 0
        row = shop.clocks(mall, "complaints.answered-in-time", "complaint/C1")[""]
        assert row.state == "stopped"
        assert mall.complaints.get("C1").state == "received"
        assert mall.verify().passed


def test_a_relaxed_policy_is_another_version_and_its_relaxations_are_kept_with_it(
    tmp_path: Any,
) -> None:
    strict = shop.open_mall()
    mall, _ = opened("shipping.paid-first", url=f"sqlite:///{tmp_path}/mall.db")
    assert mall.policy.settings.pack != strict.policy.settings.pack
    with mall.read() as tx:
        (kept,) = tx.packs()
    assert b'"approver":"lin"' in kept.body
    assert mall.designations.get(head_of("operations")).pack == mall.policy.settings.pack


def test_with_all_observed_at_once_no_rule_refuses_and_no_breach_tells_or_moves_anything() -> None:
    mall, time = opened("*")
    shop.place(mall)
    with pytest.raises(Refused) as refused:  # by the table of states, which nothing relaxes
        shop.ship(mall)
    assert refused.value.decision.rules == ("machine.no-such-move",)
    mall.orders.hand_over("A1", to="wang", by=shop.SERVICE)
    mall.orders.accept("A1", by=shop.MERCHANT)
    shop.ship(mall)
    shop.place(mall, "A2")
    time.pass_(days=2)
    assert mall.sweep().breached  # nobody has handed A2 over
    broken = [v for v in verdicts(mall, "") if v["outcome"] != "allowed"]
    assert {v.get("enforced") for v in broken} == {False}
    assert not [m for m in mall.messages() if b'"name":"notice"' in m.body]
