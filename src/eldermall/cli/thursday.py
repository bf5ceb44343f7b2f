"""The fourth day of the demo: an opinion, and what is overdue is urged."""

from __future__ import annotations

from eldermall.cli.cast import (
    CHEN,
    LI,
    LIN,
    OUYANG,
    SUN,
    ZHAO,
    on,
    pay,
    place,
    urge_of,
)
from eldermall.cli.stage import Stage
from eldermall.mall import Mall
from eldermall.texts import Text


def thursday(stage: Stage, mall: Mall) -> None:
    """Play Thursday."""
    stage.day(5, Text("星期四：意见、催办、超期", "Thursday: an opinion, urging, overdue"))
    cases, complaints = mall.cases, mall.complaints
    stage.scene("09:00", Text("意见与答复", "An opinion and an answer"))
    stage.does(
        LIN,
        Text(
            "确定 C1 的处理意见：补发茶杯，由胡敏致歉", "settles C1: a new cup, and Hu apologises"
        ),
        lambda: complaints.settle_opinion("C1", text="补发茶杯，由胡敏致歉", by=LIN.actor),
    )
    stage.does(
        CHEN, Text("答复李奶奶，C1 办结", "answers Grandma Li and closes C1"),
        lambda: complaints.answer("C1", text="茶杯今日补发，胡敏会致电道歉", by=CHEN.actor),
        lambda: complaints.close("C1", satisfied="yes", remedy="granted", by=CHEN.actor),
    )
    stage.scene("10:00", Text("换货送达、退货寄回", "The exchange arrives, the return leaves"))
    stage.does(
        SUN, Text("收到短手杖；陈静办结 X1", "has the shorter stick; Chen closes X1"),
        lambda: cases.deliver_replacement("X1", by=SUN.actor),
        lambda: cases.close("X1", by=CHEN.actor),
    )
    stage.does(
        LI, Text("寄回蜂蜜（R1）", "sends the honey back (R1)"),
        lambda: cases.send_back("R1", courier="SF", tracking="SF-R1", by=LI.actor),
    )
    stage.does(
        CHEN, Text("第二次致电孙爷爷（A5）：无人接听", "calls Grandpa Sun (A5) again: in vain"),
        lambda: mall.callbacks.attempt("A5", note="no answer", by=CHEN.actor),
    )
    stage.does(
        LI, Text("下单 A6：绿茶 2 件，已付款", "orders A6: 2 tea; it is paid"),
        lambda: place(mall, "A6", LI, {"tea": 2}),
        lambda: pay(mall, "A6"),
    )
    stage.scene("14:00", Text("超期与催办", "Overdue, and urged"))
    stage.at("16:00")
    stage.refused(
        OUYANG, Text("期限已过才想为 A3 批准例外", "wants an exception for A3 after its limit"),
        "shipping.exception-before-limit",
        lambda: mall.orders.grant_exception(
            "A3", line="tea", reason="stock", until=on(9, "09:00"),
            customer_told_at=stage.present.now, by=OUYANG.actor,
        ),
    )
    stage.does(
        ZHAO, Text("答复对 A3 的催办：明早发出", "answers the urge over A3: it leaves tomorrow"),
        lambda: mall.urges.answer(urge_of(mall, "A3"), text="明早发出", by=ZHAO.actor),
    )
