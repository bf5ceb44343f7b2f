"""Every hook: when it is called, with what, and what its failure does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import pytest
from examples.plugins import visits

from eldermall import (
    Actor,
    DefinitionError,
    Invalid,
    Mall,
    PluginError,
    Refused,
    StorageError,
    Text,
    hookimpl,
    person,
)
from eldermall.adapters.storage.memory import MemoryStorage
from eldermall.calendars import HOUR
from eldermall.contracts.courier import (
    Courier,
    CourierCapabilities,
    Parcel,
    Push,
    ReadsPushes,
    Tracked,
    TrackingEvent,
    Urged,
)
from eldermall.contracts.events import CommittedEvent, RefundAnswer, RefundRequest, SealedRoot
from eldermall.contracts.facts import WantedMove
from eldermall.contracts.notification import Notice, NoticeAnswer
from eldermall.contracts.plugin import PolicyPack
from eldermall.contracts.storage import Message, MessageState, Storage
from eldermall.engine.declared import Adopting
from eldermall.engine.kind import Command, Kind, Reaction
from eldermall.engine.rule import AT, FactType, Rule, host_fact
from eldermall.engine.settings import Setting, Technical
from eldermall.plugins import Plugins
from eldermall.rooms.orders import Orders
from tests import shop

NIGHT = Rule(
    id="shop.never",
    label=Text("不发货", "nothing leaves"),
    clauses=("S19-14",),
    guards=Orders.ship.guard,
    needs=(AT,),
    check=lambda at: False,
    reason=Text("不发货", "nothing leaves"),
)


def opened(*plugins: object, **more: Any) -> tuple[Mall, shop.Time]:
    time = shop.Time()
    mall = shop.open_mall("memory:", time, plugins=plugins, **more)
    shop.staff(mall)
    return mall, time


# Storage: required, first, the mall isn't opened


def test_hook_storage() -> None:
    asked: list[tuple[str, str]] = []

    class Shelf:
        @hookimpl
        def eldermall_storage(self, url: str, prefix: str) -> Storage | None:
            asked.append((url, prefix))
            return MemoryStorage() if url == "shelf:" else None

    with shop.open_mall("shelf:", plugins=[Shelf()], prefix="x_") as mall:
        shop.staff(mall)
        shop.place(mall)
        assert isinstance(mall.storage, MemoryStorage)
    with shop.open_mall("memory:", plugins=[Shelf()]) as mall:
        assert asked == [("shelf:", "x_"), ("memory:", "eldermall_")]


def test_an_url_that_no_plugin_knows_opens_no_mall() -> None:
    with pytest.raises(PluginError) as wrong:
        shop.open_mall("tape:")
    assert str(wrong.value) == (
        "no storage plugin knows 'tape:'; use for example sqlite:///mall.db or memory:"
    )
    assert "没有存储插件认识 'tape:'" in wrong.value.text.zh


def test_a_storage_that_fails_opens_no_mall() -> None:
    class Broken:
        @hookimpl
        def eldermall_storage(self, url: str) -> Storage | None:
            raise OSError("no disk")

    with pytest.raises(PluginError, match=r"plugin Broken: eldermall_storage failed: .*no disk"):
        shop.open_mall("memory:", plugins=[Broken()])


def test_what_a_storage_says_itself_is_passed_on() -> None:
    class Shelf:
        @hookimpl
        def eldermall_storage(self, url: str) -> Storage | None:
            raise StorageError(Text("架子坏了", "the shelf is broken"))

    with pytest.raises(StorageError, match="the shelf is broken"):
        shop.open_mall("memory:", plugins=[Shelf()])


# Rules: all, the mall isn't opened


def test_hook_rules() -> None:
    class Strict:
        @hookimpl
        def eldermall_rules(self) -> Iterable[Rule]:
            return [NIGHT]

    mall, _ = opened(Strict())
    shop.place(mall)
    shop.pay(mall)
    shop.accept(mall)
    assert shop.refusal(shop.ship, mall).rules == ("shop.never@1",)
    assert "shipping.paid-first@1" in mall.book.rules


@pytest.mark.parametrize("brought", [["a rule"], None, 5])
def test_a_plugin_that_brings_no_rules_is_named(brought: Any) -> None:
    class Vague:
        @hookimpl
        def eldermall_rules(self) -> Any:
            return brought

    with pytest.raises(PluginError, match="plugin Vague: eldermall_rules brought") as wrong:
        shop.open_mall(plugins=[Vague()])
    assert wrong.value.text.zh.startswith("插件 Vague 有误：")


def test_rules_that_fail_to_come_open_no_mall_and_the_plugin_is_named() -> None:
    class Broken:
        @hookimpl
        def eldermall_rules(self) -> Iterable[Rule]:
            raise ZeroDivisionError("oh")

    with pytest.raises(PluginError, match=r"plugin Broken: .*oh"):
        shop.open_mall(plugins=[Broken()])


def test_a_rule_that_is_there_already_opens_no_mall() -> None:
    class Twice:
        @hookimpl
        def eldermall_rules(self) -> Iterable[Rule]:
            return [NIGHT, NIGHT]

    with pytest.raises(DefinitionError, match=r"shop\.never@1 is defined twice"):
        shop.open_mall(plugins=[Twice()])


def test_a_plugin_s_setting_must_be_given_by_the_policy() -> None:
    limit = Setting(
        "shop.limit", Text("限额", "limit"), "S19-14", "count", suggestion=3
    )

    class Asking:
        @hookimpl
        def eldermall_rules(self) -> Iterable[Rule]:
            return [
                Rule(
                    id="shop.limited", label=Text("限额", "limit"), clauses=("S19-14",),
                    guards=Orders.ship.guard, needs=(AT,), check=lambda at: True,
                    reason=Text("超限", "too much"), settings=(limit,),
                )
            ]

    with pytest.raises(DefinitionError, match=r"shop\.limit \(S19-14: limit\)"):
        shop.open_mall(plugins=[Asking()])


# Kinds: all, the mall isn't opened


def test_hook_kinds() -> None:
    mall, _ = opened(visits)
    with mall:
        room = mall.room(visits.Visits)
        assert mall.may.room(visits.Visits).book(
            "V1", customer="li", volunteer="wu", by=shop.SERVICE
        ).allowed
        booked = room.book("V1", customer="li", volunteer="wu", by=shop.SERVICE, key="k")
        assert booked == room.get("V1") == room.book(
            "V1", customer="li", volunteer="wu", by=shop.SERVICE, key="k"
        )
        assert shop.refusal(room.finish, "V1", by=shop.CUSTOMER).rules == ("machine.who-may",)
        assert room.finish("V1", by=shop.AGENT).state == "done"
        outcomes = [entry["outcome"] for entry in mall.journal("visit", "V1")]
        assert outcomes == ["moved", "refused", "moved"]
        assert mall.verify().passed


def another(**more: Any) -> Kind:
    return replace(visits.Visits.KIND, **more)


SECOND = replace(visits.Visits.States.table, name="second")


@pytest.mark.parametrize(
    ("brought", "why"),
    [
        (["a kind"], "eldermall_kinds brought 'a kind'"),
        (None, "eldermall_kinds brought None"),
        ([Adopting], "eldermall_kinds brought <class 'eldermall.engine.declared.Adopting'>"),
        ([visits.Visits, visits.Visits], "the kind 'visit' needs a name of its own"),
        ([another(name="order")], "the kind 'order' needs a name of its own"),
        ([another(name="Visit")], "the kind 'Visit' needs a name of its own"),
        ([another(name="v" * 33)], "needs a name of its own"),
        ([another(), another(machines=(SECOND,))], "the kind 'visit' needs a name of its own"),
        ([another(), another(name="second")], "there is a machine visit; a plugin adds nothing"),
        (
            [another(machines=Orders.KIND.machines)],
            "there is a machine goods; a plugin adds nothing",
        ),
        ([another(indexed=("phone",))], "the kind visit can't be found by 'phone'"),
        ([another(indexed=("id",))], "the kind visit can't be found by 'id'"),
    ],
    ids=lambda told: told if isinstance(told, str) else type(told).__name__,
)
def test_a_kind_that_is_not_a_plugin_s_own_opens_no_mall(brought: Any, why: str) -> None:
    class Vague:
        @hookimpl
        def eldermall_kinds(self) -> Any:
            return brought

    with pytest.raises(PluginError, match=r"^plugin Vague: ") as wrong:
        shop.open_mall(plugins=[Vague()])
    assert why in str(wrong.value)


def test_a_plugin_s_reaction_follows_a_shipped_event() -> None:
    class Following:
        @hookimpl
        def eldermall_kinds(self) -> Iterable[Kind | Reaction]:
            def book(before: Any, order: Any, args: Any, cause: Actor) -> Iterable[Command]:
                return [
                    visits.Visits.book.command(
                        order.id, customer=order.customer, volunteer="wu", by=cause
                    )
                ]

            first, *others = visits.Visits.States.table.transitions
            by_itself = replace(first, by=(*first.by, "system"))
            machine = replace(visits.Visits.States.table, transitions=(by_itself, *others))
            return [
                replace(visits.Visits.KIND, machines=(machine,)),
                Reaction("order", "Placed", "visit", "book", book),
            ]

    mall, _ = opened(Following())
    shop.place(mall)
    assert mall.room(visits.Visits).get("A1").customer == shop.CUSTOMER.id


# Packs: all, the mall isn't opened


def test_hook_packs() -> None:
    class Offering:
        @hookimpl
        def eldermall_packs(self) -> Iterable[PolicyPack]:
            return [
                PolicyPack("file", shop.POLICY),
                PolicyPack("strict", shop.policy({"handover.limit": "1h"})),
            ]

    for source in ("pack:file", Path("pack:file")):
        with shop.open_mall(policy=source, plugins=[Offering()]) as mall:
            assert mall.policy.settings.values["handover.limit"] != HOUR
    with shop.open_mall(policy="pack:strict", plugins=[Offering()]) as mall:
        assert mall.policy.settings.values["handover.limit"] == HOUR


@pytest.mark.parametrize(
    ("brought", "why"),
    [
        ([[]], "no plugin offers the policy mine; there are: demo"),
        ([[PolicyPack("other", {})]], "no plugin offers the policy mine; there are: demo, other"),
        ([["mine"]], "plugin Offering: eldermall_packs brought 'mine'"),
        ([ZeroDivisionError("oh")], "plugin Offering: eldermall_packs failed: ZeroDivisionError"),
        (
            [[PolicyPack("mine", shop.POLICY)], [PolicyPack("mine", shop.POLICY)]],
            "plugin Offering: the policy mine is offered by another plugin",
        ),
        (
            [[PolicyPack("demo", shop.POLICY)]],
            "plugin Offering: the policy demo is offered by another plugin",
        ),
    ],
    ids=str,
)
def test_a_policy_that_no_plugin_offers_opens_no_mall(brought: list[Any], why: str) -> None:
    class Offering:
        def __init__(self, answer: Any) -> None:
            self.answer = answer

        @hookimpl
        def eldermall_packs(self) -> Any:
            if isinstance(self.answer, Exception):
                raise self.answer
            return self.answer

    with pytest.raises(PluginError) as wrong:
        shop.open_mall(policy="pack:mine", plugins=[Offering(answer) for answer in brought])
    assert why in str(wrong.value)


# Facts: all, the move stops and nothing is kept of it

PLACED = {"kind": "order", "move": "place", "id": "A1", "facts": ("house.limit",)}


def limited(type: FactType = "number", check: Callable[..., bool] | None = None) -> Rule:
    return Rule(
        id="house.limited",
        label=Text("限额之内", "within the limit"),
        clauses=("HOUSE-1",),
        guards=Orders.place.guard,
        needs=(host_fact("house.limit", type, Text("限额", "limit")),),
        check=check or (lambda limit: limit >= 27_000),
        reason=Text("限额为 {0}", "the limit is {0}"),
    )


class Host:
    """A plugin with a rule and what the host knows for it."""

    def __init__(self, answer: Any, rule: Rule | None = None) -> None:
        self.answer = answer
        self.rule = limited() if rule is None else rule
        self.asked: list[WantedMove] = []

    @hookimpl
    def eldermall_rules(self) -> Iterable[Rule]:
        return [self.rule]

    @hookimpl
    def eldermall_facts(self, move: WantedMove) -> Any:
        self.asked.append(move)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Also:
    """A plugin that says something too."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    @hookimpl
    def eldermall_facts(self) -> Any:
        return self.answer


def test_hook_facts() -> None:
    host = Host({"house.limit": 27_000, "house.other": "not asked for"})
    mall, time = opened(host, code="east")
    assert host.asked == []
    time.pass_(hours=1)
    shop.place(mall)
    (asked,) = host.asked
    assert asked.mall == "east"
    assert {name: getattr(asked, name) for name in PLACED} == PLACED
    assert asked.actor == {"id": "grandma-li", "role": "customer"}
    assert asked.args["total"] == 27_000
    (entry,) = mall.journal("order", "A1")
    assert entry["facts"]["house.limit"] == 27_000
    assert "house.other" not in entry["facts"]
    assert entry["asked"] == shop.us(time.now)
    shop.pay(mall)
    assert len(host.asked) == 1, "only a move whose rules need it asks"
    assert "asked" not in mall.journal("order", "A1")[-1]
    assert mall.verify().passed


def test_may_and_batches_ask_the_host_too() -> None:
    host = Host({"house.limit": 26_999})
    mall, _ = opened(host)
    given: dict[str, Any] = {
        "customer": "li", "lines": [{"id": "1", "listing": "tea", "quantity": 1, "amount": 27_000}],
        "total": 27_000, "by": person("li", "customer"),
    }
    assert mall.may.orders.place("A1", **given).rules == ("house.limited@1",)
    assert mall.may.orders.place("A1", **given).reasons == (
        Text("限额为 26999", "the limit is 26999"),
    )
    with pytest.raises(Refused), mall.batch() as batch:
        batch.orders.place("A1", **given)
    assert len(host.asked) == 3


@pytest.mark.parametrize("answer", [{}, {"house.limit": None}, {"house.limits": 1}], ids=str)
def test_a_fact_that_no_host_knows_refuses_and_is_listed(answer: dict[str, Any]) -> None:
    mall, _ = opened(Host(answer))
    decision = shop.refusal(shop.place, mall)
    assert decision.rules == ("house.limited@1",)
    assert decision.missing == ("house.limit",)
    assert mall.journal("order", "A1")[0]["outcome"] == "refused"


def test_where_nobody_has_the_hook_the_fact_is_missing() -> None:
    class Rules:
        @hookimpl
        def eldermall_rules(self) -> Iterable[Rule]:
            return [limited()]

    mall, _ = opened(Rules())
    assert shop.refusal(shop.place, mall).missing == ("house.limit",)


WRONG: list[tuple[FactType, Any]] = [
    ("number", "27000"), ("number", True), ("number", 27000.0), ("number", 2**53),
    ("text", 5), ("text", "\ud800"), ("moment", -1), ("moment", "2026-01-01"), ("flag", 1),
    ("list", (1, 2)), ("list", [1.5]), ("map", [1]), ("map", {"a b": 1}),
]


@pytest.mark.parametrize(("type", "value"), WRONG, ids=repr)
def test_a_fact_of_another_type_stops_the_move_and_nothing_is_kept(
    type: FactType, value: Any
) -> None:
    mall, _ = opened(Host({"house.limit": value}, limited(type, lambda limit: True)))
    with pytest.raises(PluginError, match=f"plugin Host: the fact house.limit is a {type}"):
        shop.place(mall)
    assert mall.journal("order", "A1") == []


@pytest.mark.parametrize(
    ("type", "value"),
    [("number", 0), ("text", ""), ("moment", 0), ("flag", False), ("list", []), ("map", {"a": 1})],
)
def test_a_fact_of_its_type_is_taken_as_it_is(type: FactType, value: Any) -> None:
    mall, _ = opened(Host({"house.limit": value}, limited(type, lambda limit: limit == value)))
    shop.place(mall)
    assert mall.journal("order", "A1")[0]["facts"]["house.limit"] == value


@pytest.mark.parametrize(
    ("host", "why"),
    [
        (TimeoutError("bank"), "plugin Host: eldermall_facts failed: TimeoutError"),
        (["house.limit"], r"plugin Host: eldermall_facts brought \['house.limit'\]"),
        (None, "plugin Host: eldermall_facts brought None"),
    ],
)
def test_a_host_that_fails_stops_the_move_and_nothing_is_kept(host: Any, why: str) -> None:
    mall, _ = opened(Host(host))
    with pytest.raises(PluginError, match=why):
        shop.place(mall)
    assert mall.journal("order", "A1") == []
    assert mall.verify().passed


@pytest.mark.parametrize("swapped", [False, True])
def test_two_hosts_that_contradict_each_other_stop_the_move_in_either_order(
    swapped: bool,
) -> None:
    plugins = [Host({"house.limit": 27_000}), Also({"house.limit": 27_001})]
    mall, _ = opened(*(reversed(plugins) if swapped else plugins))
    with pytest.raises(PluginError, match=r"the fact house.limit differs"):
        shop.place(mall)


def test_two_hosts_may_say_the_same() -> None:
    mall, _ = opened(Host({"house.limit": 27_000}), Also({"house.limit": 27_000}), Also({}))
    shop.place(mall)


# Rest days: first, it is logged and the next plugin is asked


class Days:
    """A plugin that knows of some days, or fails."""

    def __init__(self, known: Mapping[date, Any] | Exception) -> None:
        self.known = known
        self.asked: list[date] = []

    @hookimpl
    def eldermall_rest_days(self, day: date) -> Any:
        self.asked.append(day)
        if isinstance(self.known, Exception):
            raise self.known
        return self.known.get(day)


MONDAY = date(2026, 3, 2)


def test_hook_rest_days() -> None:
    own, other = Days({MONDAY: "rest"}), Days({MONDAY: "workday", date(2026, 3, 3): "workday"})
    plugins = Plugins([other, own])
    assert plugins.rest_days(MONDAY) == "rest", "whoever was handed over last is asked first"
    assert plugins.rest_days(date(2026, 3, 3)) == "workday"
    assert plugins.rest_days(date(2026, 3, 4)) is None
    assert other.asked == [date(2026, 3, 3), date(2026, 3, 4)]
    plugins.rest_days(MONDAY)
    assert own.asked.count(MONDAY) == 1, "each day is asked once"


@pytest.mark.parametrize("known", [OSError("down"), {MONDAY: "holiday"}], ids=str)
def test_a_calendar_that_fails_is_logged_and_the_next_one_is_asked(
    known: Any, caplog: pytest.LogCaptureFixture
) -> None:
    broken, other = Days(known), Days({MONDAY: "rest"})
    plugins = Plugins([other, broken])
    assert plugins.rest_days(MONDAY) == "rest"
    assert "plugin Days: eldermall_rest_days" in caplog.text
    plugins.rest_days(MONDAY)
    assert len(broken.asked) == 2, "an answer that a failure may have changed isn't kept"
    assert Plugins([broken]).rest_days(MONDAY) is None


# Courier: first, whoever asked for the courier gets the error


class Posts:
    """A plugin that has couriers by name."""

    def __init__(self, **couriers: Any) -> None:
        self.couriers = couriers
        self.asked: list[str] = []

    @hookimpl
    def eldermall_courier(self, name: str) -> Courier | None:
        self.asked.append(name)
        found: Courier | None = self.couriers[name]
        return found


class Plain:
    capabilities: object = CourierCapabilities()

    def track(self, parcel: Parcel) -> Tracked:
        return Tracked("no_data")


class Able(Plain):
    capabilities = CourierCapabilities(push=True, urge=True)

    def read_push(self, body: bytes, headers: Mapping[str, str]) -> Push:
        return Push("ok", {})

    def urge(self, parcel: Parcel, text: str) -> Urged:
        return Urged("ok", "case-1")


def test_hook_courier() -> None:
    posts = Posts(SF=Plain(), YTO=Able(), ZTO=None)
    plugins = Plugins([posts])
    courier = plugins.courier("SF")
    assert courier is not None
    assert courier.track(Parcel("SF1001", "SF")).result == "no_data"
    assert plugins.courier("SF") is courier
    assert isinstance(plugins.courier("YTO"), ReadsPushes)
    assert plugins.courier("ZTO") is None
    assert posts.asked == ["SF", "YTO", "ZTO"]


@pytest.mark.parametrize(
    ("capabilities", "why"),
    [
        (CourierCapabilities(push=True), "its courier claims read_push, which isn't there"),
        (CourierCapabilities(urge=True), "its courier claims urge, which isn't there"),
        ({"push": True}, "a courier has capabilities"),
        (None, "a courier has capabilities"),
    ],
    ids=str,
)
def test_a_courier_that_claims_what_it_has_not_is_an_error(capabilities: Any, why: str) -> None:
    courier = Plain()
    courier.capabilities = capabilities
    with pytest.raises(PluginError, match=f"plugin Posts: {why}"):
        Plugins([Posts(SF=courier)]).courier("SF")


def test_a_plugin_that_fails_to_bring_a_courier_is_named_to_whoever_asked() -> None:
    with pytest.raises(PluginError, match="plugin Posts: eldermall_courier failed: KeyError"):
        Plugins([Posts()]).courier("SF")


@pytest.mark.parametrize(
    "make",
    [
        lambda: TrackingEvent("gone", shop.START),  # type: ignore[arg-type]
        lambda: TrackingEvent("delivered", shop.START.replace(tzinfo=None)),
        lambda: Tracked("failed"),  # type: ignore[arg-type]
        lambda: Tracked("no_data", (TrackingEvent("delivered", shop.START),)),
        lambda: Push("auth", {"SF1": ()}),
        lambda: Push("late", {}),  # type: ignore[arg-type]
        lambda: Urged("yes"),  # type: ignore[arg-type]
        lambda: NoticeAnswer("sent"),  # type: ignore[arg-type]
        lambda: NoticeAnswer("retry", "bad luck"),  # type: ignore[arg-type]
    ],
)
def test_an_answer_outside_its_contract_cannot_be_made(make: Callable[[], object]) -> None:
    with pytest.raises(Invalid):
        make()


# Notify: each, the outbox tries that plugin again


class Notifier:
    """A plugin that answers notices."""

    def __init__(self, *answers: NoticeAnswer | Exception | None, name: str = "first") -> None:
        self.name = name
        self.answers = list(answers)
        self.told: list[Notice] = []

    @hookimpl
    def eldermall_notify(self, notice: Notice) -> NoticeAnswer | None:
        self.told.append(notice)
        answer = self.answers.pop(0) if self.answers else NoticeAnswer("delivered")
        if isinstance(answer, Exception):
            raise answer
        return answer


def breached(*plugins: object) -> tuple[Mall, shop.Time]:
    """Return a mall in which nobody has handed over an order in time."""
    mall, time = opened(*plugins, code="east")
    mall.relay()
    shop.place(mall)
    time.pass_(hours=5)
    mall.sweep()
    return mall, time


def notices(mall: Mall) -> list[Message]:
    """Return the messages of notices that have a receiver."""
    every = mall.messages(*get_args(MessageState))
    return sorted((m for m in every if m.topic == "notice" and "@" in m.id), key=lambda m: m.id)


def test_hook_notify() -> None:
    notifier, heard = Notifier(), []

    class Listener:
        @hookimpl
        def eldermall_committed(self, event: CommittedEvent) -> None:
            heard.append(event)

    mall, _ = breached(notifier, Listener())
    mall.relay()
    breaches = [event for event in heard if event.name == "ClockBreached"]
    assert breaches
    told = [(n.subject, n.params["clock"], n.role) for n in notifier.told]
    assert sorted(told) == sorted(
        (event.subject, event.data["clock"], role) for event in breaches
        for role in event.data["who"]
    )
    notice = notifier.told[0]
    assert (notice.template, notice.mall, notice.urgent) == ("clock.breached", "east", True)
    assert shop.born(notice.key) in {shop.born(m.id) for m in notices(mall)}
    assert notice.key.startswith("east/")
    assert datetime.fromisoformat(notice.params["due"]).tzinfo is not None
    assert {m.state for m in notices(mall)} == {"delivered"}
    count = len(notifier.told)
    mall.relay()
    assert len(notifier.told) == count


@pytest.mark.parametrize(
    ("answer", "state", "reason"),
    [
        (NoticeAnswer("accepted", reference="m-1"), "accepted", ""),
        (NoticeAnswer("delivered"), "delivered", ""),
        (
            NoticeAnswer("rejected", "permanent_recipient", "no such group"), "dead",
            "permanent_recipient: no such group",
        ),
        (NoticeAnswer("retry", "rate_limited"), "pending", "rate_limited"),
        (NoticeAnswer("unknown", "unknown_outcome", "late"), "pending", "unknown_outcome: late"),
        (NoticeAnswer("unknown"), "pending", "unknown"),
        (None, "pending", "no plugin takes this notice"),
        (TimeoutError("slow"), "pending", "TimeoutError: slow"),
    ],
    ids=str,
)
def test_what_comes_of_a_notice_is_kept_in_the_outbox(
    answer: NoticeAnswer | Exception | None, state: str, reason: str
) -> None:
    mall, _ = breached(Notifier(*[answer] * 20))
    mall.relay()
    assert {(m.state, m.reason) for m in notices(mall)} == {(state, reason)}


def test_a_notice_that_fails_is_told_again_with_its_key_and_disturbs_no_other() -> None:
    notifier = Notifier(ConnectionError("down"))
    heard: list[str] = []

    class Listener:
        @hookimpl
        def eldermall_committed(self, event: CommittedEvent) -> None:
            heard.append(event.id)

    mall, time = breached(notifier, Listener())
    mall.relay()
    first, count = notifier.told[0], len(notifier.told)
    time.pass_(minutes=1)
    mall.relay()
    assert notifier.told[count:] == [first]
    assert len(heard) == len(set(heard)), "the event's listeners aren't told again"


def test_a_listener_that_fails_brings_no_notice_twice() -> None:
    class Broken:
        @hookimpl
        def eldermall_committed(self, event: CommittedEvent) -> None:
            raise ConnectionError("down")

    notifier = Notifier()
    mall, time = breached(notifier, Broken())
    for _ in range(3):
        mall.relay()
        time.pass_(hours=1)
    keys = [notice.key for notice in notifier.told]
    assert keys
    assert len(keys) == len(set(keys))


def test_another_plugin_may_take_a_notice() -> None:
    first, second = Notifier(*[None] * 20), Notifier(name="second")
    mall, _ = breached(second, first)
    mall.relay()
    assert first.told == second.told
    assert {(m.id.partition("@")[2], m.state, m.reason) for m in notices(mall)} == {
        ("first", "suppressed", "left to another plugin"), ("second", "delivered", ""),
    }


def test_a_notice_that_every_plugin_leaves_to_another_is_not_lost_in_silence() -> None:
    mall, _ = breached(*(Notifier(*[None] * 20, name=name) for name in ("first", "second")))
    mall.relay()
    left: dict[str, set[tuple[str, str]]] = {}
    for m in notices(mall):
        left.setdefault(shop.born(m.id), set()).add((m.state, m.reason))
    assert left
    for said in left.values():
        assert said == {
            ("suppressed", "left to another plugin"), ("pending", "no plugin takes this notice"),
        }


def test_a_notifier_that_fails_silences_no_other_whatever_their_order() -> None:
    for order in (1, -1):
        broken, sound = Notifier(*[OSError("down")] * 90, name="broken"), Notifier(name="sound")
        mall, time = breached(*(broken, sound)[::order])
        mall.relay()
        count = len(sound.told)
        time.pass_(minutes=1)
        mall.relay()
        assert count == len(sound.told) > 0
        assert {(m.id.partition("@")[2], m.state) for m in notices(mall)} == {
            ("broken", "pending"), ("sound", "delivered"),
        }


def test_a_notice_that_nobody_sends_is_noted() -> None:
    mall, _ = breached()
    mall.relay()
    every = [m for m in mall.messages(*get_args(MessageState)) if m.topic == "notice"]
    assert {(m.state, m.reason) for m in every} == {("suppressed", "no plugin sends notices")}


# Committed: each, the outbox tries that plugin again


def test_hook_committed() -> None:
    heard: list[CommittedEvent] = []

    class Listener:
        @hookimpl
        def eldermall_committed(self, event: CommittedEvent) -> None:
            heard.append(event)

    mall, _ = opened(Listener())
    shop.place(mall)
    shop.refusal(shop.ship, mall)
    assert heard == []
    done = mall.relay()
    assert (dict(done.ended), done.retried) == ({"delivered": len(heard)}, 0)
    placed = [event for event in heard if event.subject == "order/A1"]
    assert [event.name for event in placed] == ["Placed"]
    with mall.read() as tx:
        mark = tx.chain("order/A1")[0].hash.hex()[:8]
    assert placed[0].id == f"main/order/A1#1.0-{mark}"
    assert placed[0].mall == "main"
    assert placed[0].at == shop.us(shop.START)
    assert placed[0].actor == {"id": "grandma-li", "role": "customer"}
    assert placed[0].data == {"from": "(new)", "to": "submitted"}
    mall.relay()
    assert len({event.id for event in heard}) == len(heard)


def test_a_listener_that_fails_hears_again_and_the_others_do_not() -> None:
    heard: list[str] = []
    broken = [True]

    class First:
        @hookimpl
        def eldermall_committed(self, event: CommittedEvent) -> None:
            heard.append(event.id)

    class Second:
        @hookimpl
        def eldermall_committed(self, event: CommittedEvent) -> None:
            if broken[0]:
                raise ConnectionError("down")

    mall, time = opened(First(), Second())
    mall.relay()
    assert {m.reason for m in mall.messages()} == {"ConnectionError: down"}
    broken[0] = False
    time.pass_(seconds=59)
    assert mall.relay().ended == {}
    time.pass_(seconds=1)
    done = mall.relay()
    assert done.ended["delivered"] > 0
    assert mall.messages() == []
    assert heard
    assert all(heard.count(id) == 1 for id in heard)


def test_a_listener_that_never_recovers_ends_as_dead_with_the_reason() -> None:
    class Broken:
        @hookimpl
        def eldermall_committed(self, event: CommittedEvent) -> None:
            raise ConnectionError("down")

    mall, time = opened(Broken(), technical=Technical(attempts=3))
    for _ in range(3):
        mall.relay()
        time.pass_(hours=1)
    assert {(m.state, m.attempts, m.reason) for m in mall.messages()} == {
        ("dead", 3, "ConnectionError: down")
    }
    assert mall.relay().ended == {}


def test_nobody_listening_is_noted() -> None:
    mall, _ = opened()
    mall.relay()
    assert mall.messages() == []
    assert {m.reason for m in mall.messages("suppressed")} == {"no plugin listens"}


# Refund: first, the outbox tries again


def owing(*plugins: object) -> tuple[Mall, shop.Time]:
    mall, time = opened(*plugins)
    shop.place(mall)
    shop.pay(mall)
    mall.orders.cancel("A1", reason="changed my mind", by=shop.CUSTOMER)
    return mall, time


class Cashier:
    """A plugin that answers refund requests."""

    def __init__(self, *answers: RefundAnswer | Exception | None) -> None:
        self.answers = list(answers)
        self.asked: list[RefundRequest] = []

    @hookimpl
    def eldermall_refund(self, request: RefundRequest) -> RefundAnswer | None:
        self.asked.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def refund_message(mall: Mall) -> Any:
    every = mall.messages(
        "pending", "accepted", "delivered", "dead", "withdrawn", "expired", "suppressed"
    )
    (found,) = [m for m in every if m.topic == "refund"]
    return found


@pytest.mark.parametrize(
    ("answer", "state"),
    [("accepted", "accepted"), ("booked", "accepted"), ("failed", "dead"), ("unknown", "pending")],
)
def test_hook_refund(answer: Any, state: str) -> None:
    cashier = Cashier(RefundAnswer(answer, "said so"))
    mall, _ = owing(cashier)
    mall.relay()
    (request,) = cashier.asked
    assert (request.order, request.amount, request.currency) == ("A1", 27000, "CNY")
    message = refund_message(mall)
    assert (message.state, message.reason) == (state, "said so")
    assert (request.id, request.mall) == (f"main/{message.id.partition('#')[0]}", "main")


def test_a_refund_that_fails_is_asked_again_with_the_same_id() -> None:
    cashier = Cashier(TimeoutError("bank"), RefundAnswer("booked"))
    mall, time = owing(cashier)
    mall.relay()
    assert refund_message(mall).reason == "TimeoutError: bank"
    time.pass_(minutes=1)
    mall.relay()
    assert refund_message(mall).state == "accepted"
    assert len({request.id for request in cashier.asked}) == 1


def test_a_plugin_may_leave_a_refund_to_another() -> None:
    second, first = Cashier(RefundAnswer("accepted")), Cashier(None)
    mall, _ = owing(second, first)
    mall.relay()
    assert (len(first.asked), len(second.asked)) == (1, 1)
    assert refund_message(mall).state == "accepted"


def test_a_refund_that_nobody_takes_waits() -> None:
    mall, _ = owing()
    assert mall.relay().retried == 1
    message = refund_message(mall)
    assert (message.state, message.reason) == ("pending", "no plugin takes refund requests")


# Root: each, the outbox tries that plugin again


def test_hook_root() -> None:
    kept: list[SealedRoot] = []

    class Keeper:
        @hookimpl
        def eldermall_root(self, root: SealedRoot) -> None:
            kept.append(root)

    mall, time = opened(Keeper(), code="east")
    mall.seal()
    time.pass_(hours=1)
    shop.place(mall)
    mall.seal()
    mall.relay()
    assert [(root.mall, root.number) for root in kept] == [("east", 1), ("east", 2)]
    found = mall.verify([root.body for root in kept])
    assert (found.passed, found.anchored) == (True, 2)


def test_a_root_that_could_not_be_kept_is_brought_again() -> None:
    kept: list[int] = []

    class Keeper:
        @hookimpl
        def eldermall_root(self, root: SealedRoot) -> None:
            kept.append(root.number)
            if len(kept) == 1:
                raise OSError("no disk")

    mall, time = opened(Keeper())
    mall.seal()
    mall.relay()
    time.now += timedelta(minutes=1)
    mall.relay()
    assert kept == [1, 1]


def test_a_root_that_nobody_keeps_is_noted() -> None:
    mall, _ = opened()
    mall.seal()
    mall.relay()
    assert "no plugin keeps roots" in {m.reason for m in mall.messages("suppressed")}


# Plugins that can't be loaded are named at start


class UnknownHook:
    @hookimpl
    def eldermall_shipped(self) -> None:
        """Nobody calls this."""


class WrongArgument:
    @hookimpl
    def eldermall_committed(self, evt: Any) -> None:
        """The argument is called event."""


class AsyncHook:
    @hookimpl
    async def eldermall_committed(self, event: Any) -> None:
        """Hooks are synchronous."""


class AsyncGenerator:
    @hookimpl
    async def eldermall_rules(self) -> Any:
        """Hooks are synchronous."""
        yield NIGHT


@pytest.mark.parametrize(
    ("plugin", "why"),
    [
        (UnknownHook(), "unknown hook 'eldermall_shipped'"),
        (WrongArgument(), "'evt'"),
        (AsyncHook(), "eldermall_committed is async; hooks are synchronous"),
        (AsyncGenerator(), "eldermall_rules is async; hooks are synchronous"),
    ],
    ids=lambda thing: type(thing).__name__,
)
def test_a_plugin_that_cannot_work_is_refused_at_start_and_named(plugin: object, why: str) -> None:
    with pytest.raises(PluginError) as wrong:
        shop.open_mall(plugins=[plugin])
    assert str(wrong.value).startswith(f"plugin {type(plugin).__name__}: ")
    assert why in str(wrong.value)
    assert wrong.value.text.zh.startswith(f"插件 {type(plugin).__name__} 有误：")


def test_a_plugin_given_twice_is_refused_and_named() -> None:
    plugin = Cashier()
    with pytest.raises(PluginError, match=r"plugin Cashier: .*registered"):
        shop.open_mall(plugins=[plugin, plugin])


def test_a_hook_may_take_fewer_arguments() -> None:
    heard = []

    class Counter:
        @hookimpl
        def eldermall_committed(self) -> None:
            heard.append(1)

    mall, _ = opened(Counter())
    mall.relay()
    assert heard


def test_the_plugins_of_one_mall_are_not_another_s() -> None:
    cashier = Cashier()
    opened(cashier)
    mall, _ = owing()
    mall.relay()
    assert cashier.asked == []
