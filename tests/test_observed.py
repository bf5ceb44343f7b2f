"""What observing has shown, counted from the journal; and that no report hides a relaxation."""

from __future__ import annotations

import json
import tracemalloc
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from eldermall import Mall
from eldermall.cli import app
from eldermall.reports.audit import audit
from eldermall.reports.observed import EXAMPLES, Observed, observe_report
from tests import shop
from tests.test_adoption import PAID as ACCEPTED

PAID, CONTACT, HAND_OVER = (
    "shipping.paid-first", "handover.contact-before-acceptance", "handover.in-time"
)
IN_TIME = "shipping.in-time"
UNTIL = "2026-03-31"
RELAXED = {
    "mode": "observe", "author": "board", "approver": "lin", "reason": "trial", "until": UNTIL,
}


def relaxed(*ids: str, **changed: str) -> dict[str, Any]:
    return shop.policy() | {"enforce": dict.fromkeys(ids, RELAXED | changed)}


def opened(policy: dict[str, Any], url: str = "memory:", time: shop.Time | None = None) -> Mall:
    mall = shop.open_mall(url, time or shop.Time(), policy=policy)
    if url == "memory:":
        shop.staff(mall)
    return mall


def by_id(mall: Mall, **more: Any) -> dict[str, Observed]:
    return {one.id: one for one in observe_report(mall, **more).observed}


def unpaid(mall: Mall, id: str, *, pay: bool) -> None:
    """Take an order to accepted, paid or not."""
    shop.place(mall, id)
    shop.accept(mall, id)
    if pay:
        shop.pay(mall, id)


@settings(max_examples=30)
@given(st.lists(st.tuples(st.booleans(), st.integers(1, 3)), max_size=8))
def test_each_move_that_would_have_been_refused_is_counted_once(
    orders: list[tuple[bool, int]],
) -> None:
    with opened(relaxed(PAID, CONTACT)) as mall:
        wrong: dict[str, int] = {}
        for number, (pay, parcels) in enumerate(orders):
            id = f"A{number}"
            unpaid(mall, id, pay=pay)
            for parcel in range(parcels):
                shop.ship(mall, id, {"tea": 1}, parcel=f"p{parcel}")
                wrong[id] = wrong.get(id, 0) + (not pay)
        wrong = {id: count for id, count in wrong.items() if count}
        report = observe_report(mall)
        found = by_id(mall)
        assert (found[PAID].count, found[PAID].records) == (sum(wrong.values()), len(wrong))
        assert report.moves == sum(wrong.values())
        assert found[PAID].examples == tuple(f"order/{id}" for id in sorted(wrong))[:EXAMPLES]
        shipped = sum(parcels for _, parcels in orders)
        assert found[PAID].asked == shipped
        assert found[PAID].ready == (shipped > 0 and not wrong)
        assert found[CONTACT].asked == len(orders)
        assert (found[CONTACT].count, found[CONTACT].ready) == (0, bool(orders))


def test_it_says_first_and_last_and_who_relaxed_the_rule() -> None:
    time = shop.Time()
    with opened(relaxed(PAID), time=time) as mall:
        unpaid(mall, "A1", pay=False)
        shop.ship(mall, "A1", {"tea": 1}, parcel="p1")
        time.pass_(hours=2)
        shop.ship(mall, "A1", {"tea": 1}, parcel="p2")
        one = by_id(mall)[PAID]
        start = shop.us(shop.START)
        assert (one.first, one.last) == (start, start + 2 * 3600 * 10**6)
        (relaxation,) = one.relaxations
        assert (relaxation.author, relaxation.approver, relaxation.reason) == (
            "board", "lin", "trial"
        )
        assert (one.mode, one.clauses, one.what) == ("observe", ("S19-11-1d",), "rule")
        since = by_id(mall, since=shop.START + timedelta(hours=1))[PAID]
        assert (since.count, since.first) == (1, start + 2 * 3600 * 10**6)


def test_a_breach_that_nobody_acted_on_is_counted_and_one_that_was_isnt() -> None:
    time = shop.Time()
    with opened(relaxed(HAND_OVER), time=time) as mall:
        shop.place(mall, "A1")
        shop.place(mall, "A2")
        time.pass_(hours=13)  # the overall limit, which is on, has passed too
        mall.sweep()
        found = by_id(mall)
        assert list(found) == [HAND_OVER]
        assert (found[HAND_OVER].what, found[HAND_OVER].count) == ("clock", 2)
        assert found[HAND_OVER].records == 2
        assert observe_report(mall).moves == 0


LIMIT, END = 12, 20  # quarters of a day from payment
quarters = st.integers(0, END)


@settings(max_examples=shop.times(100), deadline=None)
@given(st.lists(st.none() | quarters, max_size=6), st.sets(quarters, max_size=4))
def test_each_limit_that_passed_is_counted_once_whether_a_sweep_came_or_not(
    shipped: list[int | None], sweeps: set[int]
) -> None:
    time = shop.Time()
    with opened(relaxed(IN_TIME), time=time) as mall:
        for number in range(len(shipped)):
            unpaid(mall, f"A{number}", pay=True)
        for quarter in range(END + 1):
            for number, when in enumerate(shipped):
                if when == quarter:
                    shop.ship(mall, f"A{number}")
            if quarter in sweeps:
                mall.sweep()
            time.pass_(hours=6)
        late = sum(when is not None and when > LIMIT for when in shipped)
        missed = late + shipped.count(None)
        found = by_id(mall)[IN_TIME]
        counted = (found.asked, found.count, found.late)
        assert counted == (2 * len(shipped), 2 * missed, 2 * late)  # of each of the two lines
        assert (found.records, found.before) == (missed, 0)
        assert found.ready == (len(shipped) > 0 and missed == 0)


def test_what_had_passed_before_a_record_was_taken_over_is_told_apart() -> None:
    time = shop.Time()
    with opened(relaxed(IN_TIME), time=time) as mall:
        for id, days in (("A1", 9), ("A2", 1)):
            paid = shop.START - timedelta(days=days)
            order = ACCEPTED | {"created_at": paid, "paid_at": paid}
            mall.orders.adopt(id, order, by=shop.OPERATIONS)
        found = by_id(mall)[IN_TIME]
        assert (found.before, found.asked, found.count, found.ready) == (1, 0, 0, False)
        shop.ship(mall, "A1", {"tea": 2})
        found = by_id(mall)[IN_TIME]
        assert (found.before, found.asked, found.count, found.late) == (1, 0, 0, 0)
        shop.ship(mall, "A2", {"tea": 2})
        found = by_id(mall)[IN_TIME]
        assert (found.before, found.asked, found.count, found.ready) == (1, 1, 0, True)


def test_what_was_never_asked_is_not_recommended() -> None:
    with opened(relaxed(PAID, IN_TIME)) as mall:
        for one in by_id(mall).values():
            assert (one.asked, one.ready, one.unasked) == (0, False, True)


def test_what_a_rule_that_was_on_said_is_not_counted_as_observed(tmp_path: Path) -> None:
    url, time = f"sqlite:///{tmp_path / 'mall.db'}", shop.Time()
    with opened(shop.policy(), url, time) as mall:
        shop.staff(mall)
        unpaid(mall, "A1", pay=True)
        shop.ship(mall, "A1")
    time.pass_(hours=1)
    with opened(relaxed(PAID), url, time) as mall:
        assert by_id(mall)[PAID].asked == 0
        unpaid(mall, "A2", pay=True)
        shop.ship(mall, "A2")
        assert (by_id(mall)[PAID].asked, by_id(mall)[PAID].ready) == (1, True)


def test_a_move_that_another_rule_refused_anyway_isnt_counted() -> None:
    with opened(relaxed(PAID)) as mall:
        unpaid(mall, "A1", pay=False)
        shop.refusal(shop.ship, mall, "A1", {"tea": 4})
        assert by_id(mall)[PAID].count == 0


def test_a_rule_that_is_on_again_is_still_told_with_what_it_would_have_refused(
    tmp_path: Path,
) -> None:
    url, time = f"sqlite:///{tmp_path / 'mall.db'}", shop.Time()
    with opened(relaxed(PAID), url, time) as mall:
        shop.staff(mall)
        unpaid(mall, "A1", pay=False)
        shop.ship(mall, "A1")
    time.pass_(hours=1)
    with opened(relaxed(CONTACT, mode="off"), url, time) as mall:
        found = by_id(mall)
        assert (found[PAID].mode, found[PAID].count, found[PAID].ready) == ("on", 1, False)
        assert (found[CONTACT].mode, found[CONTACT].ready) == ("off", False)


def test_it_holds_no_more_for_a_longer_journal() -> None:
    def peak(mall: Mall) -> int:
        tracemalloc.start()
        observe_report(mall)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    with opened(relaxed(PAID)) as mall:
        peaks = []
        for number in range(240):
            unpaid(mall, f"A{number:03}", pay=False)
            shop.ship(mall, f"A{number:03}")
            if number in (39, 239):
                peaks.append(peak(mall))
    assert peaks[1] < 1.5 * peaks[0] + 50_000


# The commands


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture
def kept(tmp_path: Path) -> tuple[str, str]:
    """A database with an order that was shipped unpaid, and the policy that let it happen."""
    policy = tmp_path / "policy.toml"
    tables = "".join(
        f'\n[enforce."{id}"]\nmode = "{mode}"\nauthor = "board"\napprover = "lin"\n'
        f'reason = "trial"\nuntil = {"2200-12-31" if id == CONTACT else UNTIL}\n'
        for id, mode in (
            (PAID, "observe"), (CONTACT, "observe"), (HAND_OVER, "off"), (IN_TIME, "observe"),
            ("complaints.own-order", "observe"),
        )
    )
    policy.write_text(shop.POLICY.read_text(encoding="utf-8") + tables, encoding="utf-8")
    url = f"sqlite:///{tmp_path / 'mall.db'}"
    with shop.open_mall(url, shop.Time(), policy=policy) as mall:
        shop.staff(mall)
        unpaid(mall, "A1", pay=False)
        shop.ship(mall, "A1")
    return url, str(policy)


def test_the_command_names_what_would_have_been_refused_and_by_whose_leave(
    kept: tuple[str, str],
) -> None:
    url, policy = kept
    zh = run("observe-report", url, "--policy", policy, "--lang", "zh")
    assert zh.exit_code == 0, zh.output
    assert "本应被拒绝而放行的动作 1 次" in zh.stdout
    assert "本应拒绝 1 次，涉及 1 项记录，2026-03-02 09:00 – 2026-03-02 09:00" in zh.stdout
    assert "例如：order/A1" in zh.stdout
    assert f"暂时只观察，至 {UNTIL}（含当日）；设定人 board，批准人 lin，理由：trial" in zh.stdout
    assert f"暂停执行，至 {UNTIL}（含当日）" in zh.stdout
    en = run("observe-report", url, "--policy", policy, "--lang", "en").stdout
    assert "asked: 1; moves it would have refused: 1; records: 1; 2026-03-02 09:00" in en
    unasked = "never asked while relaxed (2), so nothing can be said of: complaints.own-order, "
    assert unasked + IN_TIME in " ".join(en.split())
    assert f"shipped within three days of payment  {IN_TIME}" not in en
    assert f"may be switched on: {CONTACT}\n" in en
    assert "放宽期间从未触及（2 项），无从判断：complaints.own-order、" in zh.stdout
    assert f"observed only through {UNTIL}; decided by board, approved by lin: trial" in en


def test_the_json_of_the_command_holds_it_all(kept: tuple[str, str]) -> None:
    url, policy = kept
    facts = json.loads(run("observe-report", url, "--policy", policy, "--json").stdout)
    assert facts["moves"] == 1
    first = facts["observed"][0]
    assert (first["rule"], first["count"], first["examples"]) == (PAID, 1, ["order/A1"])
    assert first["relaxations"][0]["approver"] == "lin"
    assert first["clauses"][0]["id"] == "S19-11-1d"
    later = run(
        "observe-report", url, "--policy", policy, "--json", "--since", "2026-03-02T10:00+08:00"
    )
    assert json.loads(later.stdout)["moves"] == 0
    assert run("observe-report", url, "--policy", policy, "--since", "monday").exit_code == 2


def test_a_rule_or_clock_that_is_relaxed_says_so_among_the_rules(kept: tuple[str, str]) -> None:
    _, policy = kept
    zh = run("rules", "--policy", policy, "--lang", "zh").stdout
    assert zh.count(f"暂时只观察，至 {UNTIL}（含当日）；设定人 board，批准人 lin") == 3
    assert zh.count(f"暂停执行，至 {UNTIL}（含当日）；设定人 board，批准人 lin") == 1
    facts = json.loads(run("rules", "--policy", policy, "--json").stdout)
    said = {r["rule"]: r["relaxed"] for r in facts["rules"]}
    assert said["shipping.paid-first@1"]["reason"] == "trial"
    assert {rule for rule, by in said.items() if by} == {
        f"{PAID}@1", f"{CONTACT}@1", "complaints.own-order@1"
    }
    clocks = {c["clock"]: c["relaxed"] for c in facts["clocks"]}
    assert clocks["handover.in-time@1"]["mode"] == "off"


def test_an_audit_says_which_of_its_rules_the_policy_relaxes(tmp_path: Path) -> None:
    export = tmp_path / "orders.csv"
    export.write_text("id,placed,paid,shipped\nA1,2026-03-02 09:00,,2026-03-02 10:00\n")
    columns = {
        "zone": "Asia/Shanghai", "time_format": "%Y-%m-%d %H:%M",
        "columns": {"id": "id", "placed": "placed", "paid": "paid", "shipped": "shipped"},
    }
    as_of = shop.START + timedelta(days=9)
    result = audit(export, columns, relaxed(PAID, "complaints.own-order"), as_of=as_of)
    said = [n for n in result.notices if PAID in n.en]
    assert [n.en for n in said] == [
        "relaxed in the policy and audited all the same: nothing is shipped unpaid but cash on "
        f"delivery ({PAID}), observed only through {UNTIL}; decided by board, approved by lin: "
        "trial"
    ]
    assert not any("complaints.own-order" in n.en for n in result.notices)
    assert result.rules[PAID]["refused"] == 1
