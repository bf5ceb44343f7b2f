"""The third day of the demo: a service at home, callbacks, a return."""

from __future__ import annotations

from eldermall.cli.cast import (
    CHEN,
    COURIER,
    KANG,
    LI,
    LI_QIN,
    OUYANG,
    RUI,
    SUN,
    WANG,
    ZHAO,
    arrive,
    on,
    pay,
    review,
    ship,
)
from eldermall.cli.stage import Stage
from eldermall.contracts.courier import TrackingEvent
from eldermall.mall import Mall
from eldermall.texts import Text


def wednesday(stage: Stage, mall: Mall) -> None:
    """Play Wednesday."""
    stage.day(4, Text(
        "星期三：上门服务、回访、退货", "Wednesday: a service, callbacks, a return"
    ))
    _arrivals(stage, mall)
    _service(stage, mall)
    _callbacks(stage, mall)
    _return(stage, mall)
    stage.scene("16:00", Text(
        "傍晚：没有动态的包裹，无人定夺的投诉",
        "Towards evening: a silent parcel, an opinion that is still missing",
    ))
    stage.does(
        ZHAO, Text("A2 的蜂蜜发出（P3），按时", "ships the honey of A2 (P3), in time"),
        lambda: ship(mall, "A2", "P3", ZHAO, honey=2),
    )
    stage.refused(
        OUYANG, Text("想代为确定 C1 的处理意见", "wants to settle the opinion on C1 instead"),
        "complaints.opinion-by-head-or-leader",
        lambda: mall.complaints.settle_opinion("C1", text="补发", by=OUYANG.actor),
    )


def _arrivals(stage: Stage, mall: Mall) -> None:
    orders = mall.orders
    stage.scene("09:00", Text("物流", "What the courier says"))
    picked_up, moving, arrived = (
        TrackingEvent("picked_up", on(2, "17:10"), text="已揽收"),
        TrackingEvent("in_transit", on(3, "08:05"), text="运输中"),
        TrackingEvent("delivered", on(4, "08:50"), text="已签收"),
    )
    pushes = ((arrived,), (moving, picked_up), (arrived, moving))
    for push in pushes:
        orders.track("A1", parcel="P1", events=push, by=COURIER.actor)
    (parcel,) = orders.get("A1").parcels
    sent, kept = sum(map(len, pushes)), len(parcel.events)
    stage.does(
        COURIER,
        Text(
            f"P1 的动态乱序且重复推送：收到 {sent} 条，去重排序后 {kept} 条；A1 已送达",
            f"sends the news of P1 out of order and twice: {sent} messages, {kept} events; A1 has "
            "arrived",
        ),
    )
    stage.does(
        COURIER, Text("A5 送达，上门收款 180.00 元入账", "brings A5; ¥180.00 is paid at the door"),
        lambda: arrive(mall, "A5", "P5"),
        lambda: pay(mall, "A5"),
    )


def _service(stage: Stage, mall: Mall) -> None:
    orders = mall.orders
    stage.scene("10:00", Text("上门理发", "A haircut at home"))
    stage.does(
        KANG, Text("按约到李奶奶家，B1 服务开始", "is at Grandma Li's as agreed; B1 begins"),
        lambda: orders.start("B1", served_by="kang", by=KANG.actor),
    )
    stage.at("11:00")
    stage.does(
        KANG, Text("理发完毕，附照片", "is done, with a photo as proof"),
        lambda: orders.finish("B1", proof="photo-B1", by=KANG.actor),
    )
    stage.refused(
        CHEN, Text("想以邻居的话代为确认 B1", "wants to confirm B1 on a neighbour's word"),
        "services.confirmed-by-the-customer",
        lambda: orders.confirm("B1", confirmed_by="neighbour-zhou", by=CHEN.actor),
    )
    stage.does(
        LI_QIN,
        Text(
            "受母亲指定，确认 B1；系统随即生成回访",
            "confirms B1, being named by her mother; a callback opens by itself",
        ),
        lambda: orders.confirm("B1", by=LI_QIN.actor),
    )


def _callbacks(stage: Stage, mall: Mall) -> None:
    orders, callbacks = mall.orders, mall.callbacks
    stage.scene("11:30", Text("完成与回访", "Completion and callbacks"))
    stage.does(
        LI, Text("确认 A1 完成；孙爷爷确认 A5 完成", "completes A1, and Grandpa Sun A5"),
        lambda: orders.complete("A1", by=LI.actor),
        lambda: orders.complete("A5", by=SUN.actor),
    )
    stage.refused(
        OUYANG, Text("尚未回访就想归档 A1", "wants to archive A1 before its callback"),
        "callback.before-archive", lambda: orders.archive("A1", by=OUYANG.actor),
    )
    stage.does(
        CHEN,
        Text(
            "回访李奶奶：满意，建议“说明书的字再大些”",
            "calls Grandma Li: satisfied; she suggests larger print",
        ),
        lambda: callbacks.reach(
            "A1", satisfaction="satisfied", suggestion="说明书的字再大些", by=CHEN.actor
        ),
    )
    stage.does(
        CHEN, Text("回访孙爷爷（A5）：第一次无人接听", "calls Grandpa Sun (A5): nobody answers"),
        lambda: callbacks.attempt("A5", note="no answer", by=CHEN.actor),
    )
    stage.refused(
        CHEN, Text("只打过一次电话就想认定无法联系", "wants to give up after one call"),
        "callback.enough-attempts", lambda: callbacks.give_up("A5", by=CHEN.actor),
    )


def _return(stage: Stage, mall: Mall) -> None:
    cases, listings = mall.cases, mall.listings
    stage.scene("13:30", Text("退货", "A return"))
    stage.does(
        LI, Text("申请退货 R1：A1 的蜂蜜", "asks to return the honey of A1: R1"),
        lambda: cases.open(
            "R1", order="A1", customer="grandma-li", lines={"honey": 1}, remedy="return",
            words="家里还有", by=LI.actor,
        ),
    )
    stage.does(
        CHEN,
        Text(
            "先致电李奶奶，登记 R1：家里还有，未拆封；再致电茶坊",
            "calls her first and records R1: has some left, unopened; then calls the tea house",
        ),
        lambda: cases.contact("R1", note="电话", by=CHEN.actor),
        lambda: cases.record(
            "R1", ground="changed_mind", item_state="unopened", wish="退款", by=CHEN.actor
        ),
        lambda: cases.contact_merchant("R1", note="电话", by=CHEN.actor),
    )
    stage.refused(
        ZHAO, Text("合乎条件仍想拒绝", "wants to decline it though the conditions are met"),
        "aftersales.no-refusal-when-conditions-met",
        lambda: cases.decline("R1", reason="不想退", by=ZHAO.actor),
    )
    stage.does(
        ZHAO, Text("同意退货 R1", "approves the return R1"),
        lambda: cases.approve("R1", by=ZHAO.actor),
    )
    stage.at("14:00")
    stage.does(
        WANG,
        Text(
            "上门取回孙爷爷的手杖（X1）；欧阳兰验收，发出短的一根",
            "fetches the stick from Grandpa Sun (X1); Ouyang receives it and sends a shorter one",
        ),
        lambda: cases.send_back("X1", by=WANG.actor),
        lambda: cases.receive("X1", outcome="ok", by=OUYANG.actor),
        lambda: cases.send_replacement("X1", courier="SF", tracking="SF-X1", by=OUYANG.actor),
    )
    stage.does(
        RUI,
        Text(
            "审核通过绿茶的新版本；欧阳兰发布，现在展示 72.00 元",
            "approves the edit of the tea; Ouyang publishes it: ¥72.00 is shown now",
        ),
        lambda: review(mall, "spring-tea", RUI),
        lambda: listings.publish("spring-tea", by=OUYANG.actor),
    )
