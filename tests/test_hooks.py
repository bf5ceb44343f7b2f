"""Every hook: when it is called, with what, and what its failure does."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest

from eldermall import DefinitionError, Mall, PluginError, Text, hookimpl
from eldermall.adapters.storage.memory import MemoryStorage
from eldermall.contracts.events import CommittedEvent, RefundAnswer, RefundRequest, SealedRoot
from eldermall.contracts.storage import Storage
from eldermall.engine.rule import AT, Rule
from eldermall.engine.settings import Setting, Technical
from eldermall.orders.machine import GOODS
from tests import shop

NIGHT = Rule(
    id="shop.never",
    label=Text("不发货", "nothing leaves"),
    clauses=("S19-14",),
    guards=(GOODS.move("ship"),),
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

    with pytest.raises(OSError, match="no disk"):
        shop.open_mall("memory:", plugins=[Broken()])


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
                    guards=(GOODS.move("ship"),), needs=(AT,), check=lambda at: True,
                    reason=Text("超限", "too much"), settings=(limit,),
                )
            ]

    with pytest.raises(DefinitionError, match=r"shop\.limit \(S19-14: limit\)"):
        shop.open_mall(plugins=[Asking()])


# Committed: all, the outbox tries again, all of them


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
    assert placed[0].id == "order/A1#1.0"
    assert placed[0].at == shop.us(shop.START)
    assert placed[0].actor == {"id": "grandma-li", "role": "customer"}
    assert placed[0].data == {"from": "(new)", "to": "submitted"}
    mall.relay()
    assert len({event.id for event in heard}) == len(heard)


def test_all_listeners_hear_again_when_one_fails() -> None:
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
    assert all(heard.count(id) >= 1 for id in heard)


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
    [("accepted", "accepted"), ("booked", "delivered"), ("failed", "dead"), ("unknown", "pending")],
)
def test_hook_refund(answer: Any, state: str) -> None:
    cashier = Cashier(RefundAnswer(answer, "said so"))
    mall, _ = owing(cashier)
    mall.relay()
    (request,) = cashier.asked
    assert (request.order, request.amount, request.currency) == ("A1", 27000, "CNY")
    message = refund_message(mall)
    assert (message.state, message.reason, message.id) == (state, "said so", request.id)


def test_a_refund_that_fails_is_asked_again_with_the_same_id() -> None:
    cashier = Cashier(TimeoutError("bank"), RefundAnswer("booked"))
    mall, time = owing(cashier)
    mall.relay()
    assert refund_message(mall).reason == "TimeoutError: bank"
    time.pass_(minutes=1)
    mall.relay()
    assert refund_message(mall).state == "delivered"
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


# Root: all, the outbox tries again, all of them


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
