"""The last working day of the demo: what is left is brought to its end."""

from __future__ import annotations

from eldermall.cli.cast import (
    CHEN,
    COURIER,
    PAYMENTS,
    SUN,
    ZHAO,
    arrive,
    pay,
    place,
    ship,
    urge_of,
)
from eldermall.cli.stage import Stage
from eldermall.mall import Mall
from eldermall.texts import Text


def friday(stage: Stage, mall: Mall) -> None:
    """Play Friday."""
    stage.day(6, Text("星期五：收尾", "Friday: what is left"))
    orders, cases, callbacks = mall.orders, mall.cases, mall.callbacks
    stage.scene("09:00", Text("催办有了回复", "The urges are answered"))
    stage.does(
        COURIER,
        Text(
            "答复对 P2 的催办：滞留网点，今日派送", "answers the urge over P2: held up, comes today"
        ),
        lambda: mall.urges.answer(
            urge_of(mall, "A2"), text="滞留网点，今日派送", by=COURIER.actor
        ),
    )
    stage.does(
        ZHAO, Text("A3 终于发出（P6），但已超期", "ships A3 at last (P6), late"),
        lambda: ship(mall, "A3", "P6", ZHAO, tea=1),
    )
    stage.scene("10:00", Text("退款", "A refund"))
    stage.does(
        ZHAO,
        Text(
            "收到退回的蜂蜜，完好；入库待查，退款随即应付",
            "receives the honey, in good order; books it in to be looked at; its money is due",
        ),
        lambda: cases.receive("R1", outcome="ok", restock=True, by=ZHAO.actor),
    )
    stage.at("11:00")
    stage.does(
        PAYMENTS, Text("R1 已退 56.00 元，入账", "books the refund of R1: ¥56.00 is paid back"),
        lambda: orders.refunded("A1", 5600, "refund-R1", case="R1", by=PAYMENTS.actor),
    )
    stage.does(
        CHEN, Text("办结 R1，归档 A1", "closes R1 and archives A1"),
        lambda: cases.close("R1", by=CHEN.actor),
        lambda: orders.archive("A1", by=CHEN.actor),
    )
    stage.does(
        ZHAO, Text("查验退回的蜂蜜，可再出售", "looks at the returned honey: it may be sold again"),
        lambda: mall.stock.inspect("acacia-honey", lot="R1", by=ZHAO.actor),
    )
    stage.scene("14:00", Text(
        "联系不上的客户，无人转交的订单", "A customer out of reach, an order that nobody takes on"
    ))
    stage.does(
        CHEN,
        Text(
            "第三次致电孙爷爷（A5）无人接听，认定无法联系，归档",
            "calls Grandpa Sun (A5) a third time in vain: unreachable; archives A5",
        ),
        lambda: callbacks.attempt("A5", note="no answer", by=CHEN.actor),
        lambda: callbacks.give_up("A5", by=CHEN.actor),
        lambda: orders.archive("A5", by=CHEN.actor),
    )
    stage.at("15:00")
    stage.does(
        COURIER, Text("A2 的两个包裹都已送达", "reports that both parcels of A2 have arrived"),
        lambda: arrive(mall, "A2", "P2"),
        lambda: arrive(mall, "A2", "P3"),
    )
    stage.does(
        SUN, Text("确认 A2 完成，生成回访", "completes A2; its callback opens"),
        lambda: orders.complete("A2", by=SUN.actor),
    )
    stage.at("16:00")
    stage.does(
        SUN, Text("下单 A7：绿茶 1 件，已付款", "orders A7: 1 tea; it is paid"),
        lambda: place(mall, "A7", SUN, {"tea": 1}),
        lambda: pay(mall, "A7"),
    )
