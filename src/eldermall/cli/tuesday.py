"""The second day of the demo: an exchange, and nothing left to sell."""

from __future__ import annotations

from eldermall.cli.cast import (
    CHEN,
    COURIER,
    HU,
    LI,
    OUYANG,
    SUN,
    TEA,
    ZHAO,
    accept,
    arrive,
    place,
    ship,
)
from eldermall.cli.stage import Stage
from eldermall.currencies import shown
from eldermall.mall import Mall
from eldermall.texts import Text


def tuesday(stage: Stage, mall: Mall) -> None:
    """Play Tuesday."""
    stage.day(3, Text("星期二：换货、售罄", "Tuesday: an exchange, and nothing left to sell"))
    _exchange(stage, mall)
    _sold_out(stage, mall)
    _edit(stage, mall)
    stage.scene("17:00", Text("无人答复的投诉", "A complaint that nobody answers"))
    stage.at("17:30")
    stage.refused(
        HU, Text("想为投诉自己的 C1 定处理意见", "wants to settle C1, which is about herself"),
        "complaints.no-judging-of-oneself",
        lambda: mall.complaints.settle_opinion("C1", text="无需处理", by=HU.actor),
    )
    stage.refused(
        CHEN, Text("意见未定就想答复 C1", "wants to answer C1 before there is an opinion"),
        "complaints.opinion-before-answer",
        lambda: mall.complaints.answer("C1", text="请再等等", by=CHEN.actor),
    )


def _exchange(stage: Stage, mall: Mall) -> None:
    orders, cases, complaints = mall.orders, mall.cases, mall.complaints
    stage.scene("09:00", Text(
        "签收、回访中的投诉、换货", "An arrival, a complaint in the callback, an exchange"
    ))
    stage.does(
        COURIER, Text("A4 的手杖送达", "reports that the stick of A4 has arrived"),
        lambda: arrive(mall, "A4", "P4"),
    )
    stage.does(
        SUN, Text("确认 A4 完成，系统随即生成回访", "completes A4; a callback opens by itself"),
        lambda: orders.complete("A4", by=SUN.actor),
    )
    words = "手杖比页面上写的长，打了三次电话才有人接"
    stage.does(
        CHEN,
        Text(
            f"回访孙爷爷：不满意，“{words}”；投诉当即受理",
            "calls Grandpa Sun: dissatisfied, “too long, and I rang three times before somebody "
            "answered”; the complaint is received there and then",
        ),
        lambda: mall.callbacks.reach(
            "A4", satisfaction="dissatisfied", suggestion="", complaint=words, by=CHEN.actor
        ),
    )
    stage.does(
        SUN, Text("申请换货 X1：换一根短些的", "asks for an exchange, X1: a shorter one"),
        lambda: cases.open(
            "X1", order="A4", customer="grandpa-sun", lines={"stick": 1}, remedy="exchange",
            words="太长了，想换短的", by=SUN.actor,
        ),
    )
    stage.refused(
        OUYANG, Text("未联系客户就想同意 X1", "wants to approve X1 before anybody has called him"),
        "aftersales.contact-before-decision", lambda: cases.approve("X1", by=OUYANG.actor),
    )
    stage.at("10:00")
    stage.does(
        CHEN,
        Text(
            "致电孙爷爷，登记 X1：与描述不符，未使用，想换短的",
            "calls him and records X1: not as described, unused, a shorter one is wanted",
        ),
        lambda: cases.contact("X1", note="电话", by=CHEN.actor),
        lambda: cases.record(
            "X1", ground="not_as_expected", item_state="unused", wish="换短的", by=CHEN.actor
        ),
    )
    stage.does(
        OUYANG, Text("同意换货 X1", "approves the exchange X1"),
        lambda: cases.approve("X1", by=OUYANG.actor),
    )
    stage.does(
        CHEN,
        Text(
            "孙爷爷的投诉涉及排班，上报胡敏；胡敏定下意见，答复办结",
            "can't answer his complaint alone, so reports it to Hu; Hu settles it; it is answered",
        ),
        lambda: complaints.record(
            "callback.A4", subject="电话难打通", remedy="说明", etiquette="2026-01", by=CHEN.actor
        ),
        lambda: complaints.escalate("callback.A4", reason="涉及排班", by=CHEN.actor),
        lambda: complaints.settle_opinion("callback.A4", text="午间增一人接线", by=HU.actor),
        lambda: complaints.answer("callback.A4", text="今起午间增一人接线", by=CHEN.actor),
        lambda: complaints.close("callback.A4", satisfied="yes", remedy="granted", by=CHEN.actor),
    )


def _sold_out(stage: Stage, mall: Mall) -> None:
    stage.scene("10:30", Text("售罄、货到付款", "Sold out, and cash on delivery"))
    stage.does(
        SUN,
        Text(
            "下单 A5：绿茶 1 件和最后 2 件蜂蜜，货到付款",
            "orders A5: 1 tea and the last 2 honey, cash on delivery",
        ),
        lambda: place(mall, "A5", SUN, {"tea": 1, "honey": 2}, cash_on_delivery=True),
    )
    stage.refused(
        LI, Text("还想再买 1 件蜂蜜", "wants 1 more honey"),
        "stock.no-oversell", lambda: place(mall, "A6", LI, {"honey": 1}),
    )
    stage.does(
        CHEN, Text("A5 转交王磊，茶坊接单", "hands A5 to Wang; the tea house takes it"),
        lambda: accept(mall, "A5", ZHAO),
    )
    stage.at("11:00")
    stage.does(
        ZHAO,
        Text(
            "A5 为货到付款，未付款也可发出（P5）",
            "ships A5 unpaid (P5), which cash on delivery allows",
        ),
        lambda: ship(mall, "A5", "P5", ZHAO, tea=1, honey=2),
    )


def _edit(stage: Stage, mall: Mall) -> None:
    stage.scene("15:00", Text("改价", "A new price"))
    stage.does(
        ZHAO, Text("绿茶改价为 72.00 元，提交审核", "edits the tea to ¥72.00 and submits the edit"),
        lambda: mall.listings.edit("spring-tea", content={**TEA, "price": 7200}, by=ZHAO.actor),
        lambda: mall.listings.submit("spring-tea", by=ZHAO.actor),
    )
    content = mall.listings.get("spring-tea").on_display
    price = "" if content is None else shown(content.price, content.currency)
    stage.does(
        LI,
        Text(
            f"看到的仍是 {price}：审核通过的版本继续展示",
            f"still sees {price}: what passed review stays on display",
        ),
    )
