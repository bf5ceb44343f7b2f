"""The story of the demo: five days of a small mall, told with real moves under the demo policy."""

from __future__ import annotations

from typing import Any

from eldermall.cli.stage import START, Cast, Stage
from eldermall.engine.actor import person, system
from eldermall.mall import Mall
from eldermall.people.designation import LEADER, head_of
from eldermall.texts import Text

LIN = Cast(
    person("lin", "company_leader", department="board"), Text("林总（公司领导）", "Lin, leader")
)
HU = Cast(
    person("hu", "department_head", department="operations"), Text("胡敏（部门负责人）", "Hu, head")
)
OUYANG = Cast(
    person("ouyang", "operations", department="operations"), Text("欧阳兰（运营）", "Ouyang, ops")
)
RUI = Cast(
    person("rui", "operations", department="operations"), Text("芮青（审核）", "Rui, reviewer")
)
CHEN = Cast(
    person("chen", "customer_service", department="operations"),
    Text(
        "陈静（客服）", "Chen, service"
    )
)
WANG = Cast(
    person("wang", "field_agent", department="operations"), Text("王磊（外勤）", "Wang, field")
)
ZHAO = Cast(person("zhao", "merchant", merchant="tea-house"), Text("赵记茶坊", "Zhao, tea house"))
LI = Cast(person("grandma-li", "customer"), Text("李奶奶", "Grandma Li"))
SUN = Cast(person("grandpa-sun", "customer"), Text("孙爷爷", "Grandpa Sun"))
PAYMENTS = Cast(system("payments"), Text("收款系统", "payments"))
COURIER = Cast(system("courier:SF"), Text("快递回传", "courier"))

TEA = {
    "title": "明前绿茶 · Green tea",
    "description": "250 g",
    "price": 6800,
    "currency": "CNY",
}
STICK = {"title": "手杖 · Walking stick", "description": "1", "price": 9900, "currency": "CNY"}
PASSED = {
    name: {"passed": True, "note": "checked"}
    for name in ("legality", "authenticity", "reasonableness")
}
FAILED = {**PASSED, "authenticity": {"passed": False, "note": "no proof of origin"}}


def play(stage: Stage) -> None:
    """Play all five days."""
    for day in (_monday, _tuesday, _wednesday, _thursday, _friday):
        day(stage, stage.mall)


def _place(mall: Mall, id: str, who: Cast, tea: int, honey: int = 0, **more: Any) -> None:
    lines = [{"id": "tea", "listing": "green-tea", "quantity": tea, "amount": 6800 * tea}]
    if honey:
        lines.append({"id": "honey", "listing": "honey", "quantity": honey, "amount": 5600 * honey})
    total = 6800 * tea + 5600 * honey
    mall.orders.place(
        id, customer=who.actor.id, merchant="tea-house", lines=lines, total=total,
        by=who.actor, **more,
    )


def _accept(mall: Mall, id: str) -> None:
    mall.orders.hand_over(id, to="wang", by=CHEN.actor)
    mall.orders.contact_merchant(id, way="phone", by=WANG.actor)
    mall.orders.accept(id, by=ZHAO.actor)


def _pay(mall: Mall, id: str, amount: int, reference: str | None = None) -> None:
    mall.orders.paid(id, amount, reference or f"pay-{id}", by=PAYMENTS.actor)


def _ship(mall: Mall, id: str, parcel: str, **lines: int) -> None:
    mall.orders.ship(
        id, parcel=parcel, courier="SF", tracking=f"SF-{parcel}", lines=lines, by=ZHAO.actor
    )


def _arrive(mall: Mall, id: str, parcel: str) -> None:
    mall.orders.deliver(id, parcel=parcel, by=COURIER.actor)


def _monday(stage: Stage, mall: Mall) -> None:
    stage.tell("day", None, Text("星期一：人员、审核、下单", "Monday: people, a review, orders"))
    _people(stage, mall)
    _review(stage, mall)
    _first_orders(stage, mall)
    _complaint(stage, mall)


def _people(stage: Stage, mall: Mall) -> None:
    posts = {
        "collection": "ouyang", "listing": "ouyang", "review": "rui", "order": "ouyang",
        "tracking": "ouyang", "after_sale": "chen", "callback": "chen",
        head_of("operations"): "hu", LEADER: "lin",
    }
    stage.does(
        LIN,
        Text(
            "为各环节指定专人，唯“留言”环节尚未指定",
            "designates persons for every link of daily operation; only messages stays open",
        ),
        *(
            lambda post=post, who=who: mall.designations.appoint(post, who, by=LIN.actor)
            for post, who in posts.items()
        ),
    )
    stage.does(
        OUYANG,
        Text("安排外勤王磊对接赵记茶坊", "assigns Wang to the tea house as its field agent"),
        lambda: mall.assignments.appoint("tea-house", "wang", by=OUYANG.actor),
    )


def _review(stage: Stage, mall: Mall) -> None:
    listings = mall.listings
    stage.at("09:30")
    stage.does(
        ZHAO,
        Text("上传“明前绿茶”，68.00 元，提交审核", "drafts “Green tea”, ¥68.00, and submits it"),
        lambda: listings.draft("green-tea", content=TEA, merchant="tea-house", by=ZHAO.actor),
        lambda: listings.submit("green-tea", by=ZHAO.actor),
    )
    stage.refused(
        OUYANG, Text("未经审核就想发布", "wants to publish it before any review"),
        "machine.no-such-move", lambda: listings.publish("green-tea", by=OUYANG.actor),
    )
    stage.at("10:00")
    stage.does(
        RUI,
        Text(
            "起草自营商品“手杖”，提交审核", "drafts the mall's own “Walking stick”, submits it"
        ),
        lambda: listings.draft("walking-stick", content=STICK, by=RUI.actor),
        lambda: listings.submit("walking-stick", by=RUI.actor),
    )
    stage.refused(
        RUI, Text("想审核自己起草的“手杖”", "wants to review that listing, being its author"),
        "review.not-the-author", lambda: listings.start_review("walking-stick", by=RUI.actor),
    )
    stage.at("10:30")
    stage.does(
        RUI, Text("开始审核“明前绿茶”", "starts the review of “Green tea”"),
        lambda: listings.start_review("green-tea", by=RUI.actor),
    )
    stage.refused(
        RUI, Text("“真实”一项不合格，仍想通过", "wants to approve it though authenticity fails"),
        "review.all-passed",
        lambda: listings.approve("green-tea", criteria=FAILED, by=RUI.actor),
    )
    stage.does(
        RUI, Text("退回：没有产地证明", "returns it: no proof of origin"),
        lambda: listings.return_("green-tea", criteria=FAILED, by=RUI.actor),
    )
    stage.at("13:00")
    revised = {**TEA, "description": "250 g, 产地证明 · certificate of origin 2026-017"}
    stage.does(
        ZHAO, Text("补上产地证明，重新提交", "adds the certificate of origin and submits it again"),
        lambda: listings.revise("green-tea", content=revised, by=ZHAO.actor),
        lambda: listings.submit("green-tea", by=ZHAO.actor),
    )
    stage.at("13:30")
    stage.does(
        RUI,
        Text(
            "逐项审核，全部合格，予以通过", "reviews it: every criterion is met; approves it"
        ),
        lambda: listings.start_review("green-tea", by=RUI.actor),
        lambda: listings.approve("green-tea", criteria=PASSED, by=RUI.actor),
    )
    stage.does(
        OUYANG, Text("发布：客户现在能看到这款茶", "publishes it: customers see the tea now"),
        lambda: listings.publish("green-tea", by=OUYANG.actor),
    )


def _first_orders(stage: Stage, mall: Mall) -> None:
    stage.at("14:00")
    stage.does(
        LI,
        Text("下单 A1：绿茶 3 件、蜂蜜 1 件，已付款", "orders A1: 3 tea, 1 honey; it is paid"),
        lambda: _place(mall, "A1", LI, 3, 1),
        lambda: _pay(mall, "A1", 26000),
    )
    stage.does(
        SUN,
        Text(
            "下单 A2：绿茶 2 件、蜂蜜 2 件，尚未付款", "orders A2: 2 tea, 2 honey; not paid yet"
        ),
        lambda: _place(mall, "A2", SUN, 2, 2),
    )
    stage.refused(
        SUN, Text("想取消李奶奶的订单 A1", "wants to cancel A1, which is Grandma Li's"),
        "machine.own-records",
        lambda: mall.orders.cancel("A1", reason="by mistake", by=SUN.actor),
    )
    stage.at("14:30")
    stage.does(
        LI, Text("下单 A3：绿茶 1 件，已付款", "orders A3: 1 tea; it is paid"),
        lambda: _place(mall, "A3", LI, 1),
        lambda: _pay(mall, "A3", 6800),
    )
    stage.at("15:00")
    stage.does(
        CHEN,
        Text(
            "A1、A2、A3 转交王磊；王磊电话联系茶坊，茶坊接单",
            "hands A1, A2, A3 to Wang, who phones the tea house; it accepts them",
        ),
        *(lambda id=id: _accept(mall, id) for id in ("A1", "A2", "A3")),
    )
    stage.refused(
        ZHAO, Text("A2 尚未付款就想发货", "wants to ship A2, which isn't paid"),
        "shipping.paid-first", lambda: _ship(mall, "A2", "P2", tea=1),
    )
    stage.at("15:30")
    stage.refused(
        PAYMENTS,
        Text(
            "想把 A1 的付款凭证 pay-A1 再用于 A2", "books pay-A1, the reference of A1, again for A2"
        ),
        "machine.record-exists", lambda: _pay(mall, "A2", 24800, "pay-A1"),
    )
    stage.does(
        PAYMENTS, Text("A2 的付款以其自己的凭证入账", "books A2 under a reference of its own"),
        lambda: _pay(mall, "A2", 24800),
    )


def _complaint(stage: Stage, mall: Mall) -> None:
    stage.at("17:00")
    stage.does(
        LI,
        Text(
            "投诉 C1：胡敏上月答应补发茶杯，至今没有下文",
            "complains (C1): last month Hu promised her a new cup, and nothing came",
        ),
        lambda: mall.complaints.receive(
            "C1", customer="grandma-li", words="胡敏上月答应补发茶杯，至今没有下文", against="hu",
            by=LI.actor,
        ),
    )
    stage.does(
        CHEN,
        Text(
            "登记诉求：补发茶杯并道歉", "records what she asks for: the cup, and an apology"
        ),
        lambda: mall.complaints.record(
            "C1", subject="茶杯未补发", remedy="补发茶杯并道歉", etiquette="2026-01", by=CHEN.actor
        ),
    )


def _tuesday(stage: Stage, mall: Mall) -> None:
    stage.day(3, Text(
        "星期二：发货、拒单、货到付款", "Tuesday: parcels, a decline, cash on delivery"
    ))
    orders = mall.orders
    stage.does(
        ZHAO, Text("A1 按时全部发出", "ships all of A1, in time"),
        lambda: _ship(mall, "A1", "P1", tea=3, honey=1),
    )
    stage.does(
        ZHAO, Text("A2 先发绿茶，蜂蜜到货后再发", "ships the tea of A2; the honey is to follow"),
        lambda: _ship(mall, "A2", "P2", tea=2),
    )
    stage.at("10:00")
    stage.does(
        SUN, Text("下单 A4：绿茶 1 件、蜂蜜 5 件，已付款", "orders A4: 1 tea, 5 honey; it is paid"),
        lambda: _place(mall, "A4", SUN, 1, 5),
        lambda: _pay(mall, "A4", 34800),
    )
    stage.does(
        SUN, Text("下单 A5：绿茶 1 件，货到付款", "orders A5: 1 tea, cash on delivery"),
        lambda: _place(mall, "A5", SUN, 1, cash_on_delivery=True),
    )
    stage.at("10:30")
    stage.does(
        CHEN,
        Text(
            "A4、A5 转交王磊，茶坊接单", "hands A4 and A5 to Wang; the tea house takes them"
        ),
        *(lambda id=id: _accept(mall, id) for id in ("A4", "A5")),
    )
    stage.at("11:00")
    stage.does(
        ZHAO,
        Text(
            "A4 因蜂蜜不足拒单，已付款项应退",
            "declines A4: not enough honey; its money is due back",
        ),
        lambda: orders.decline("A4", reason="not enough honey", by=ZHAO.actor),
    )
    stage.turn()
    stage.does(
        ZHAO,
        Text(
            "A5 为货到付款，未付款也可发出", "ships A5 unpaid, which cash on delivery allows"
        ),
        lambda: _ship(mall, "A5", "P5", tea=1),
    )
    stage.at("15:00")
    stage.does(
        PAYMENTS, Text("A4 已退 348.00 元，入账", "books the refund of A4: ¥348.00 is paid back"),
        lambda: orders.refunded("A4", 34800, "refund-A4", by=PAYMENTS.actor),
    )
    stage.does(
        ZHAO, Text("绿茶改价为 72.00 元，提交审核", "edits the tea to ¥72.00 and submits the edit"),
        lambda: mall.listings.edit("green-tea", content={**TEA, "price": 7200}, by=ZHAO.actor),
        lambda: mall.listings.submit("green-tea", by=ZHAO.actor),
    )
    _still_shown(stage, mall)
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


def _still_shown(stage: Stage, mall: Mall) -> None:
    shown = mall.listings.get("green-tea").on_display
    price = 0 if shown is None else shown.price
    stage.does(
        LI,
        Text(
            f"看到的仍是 {price / 100:.2f} 元：审核通过的版本继续展示",
            f"still sees ¥{price / 100:.2f}: what passed review stays on display",
        ),
    )


def _wednesday(stage: Stage, mall: Mall) -> None:
    stage.day(4, Text("星期三：送达、回访", "Wednesday: arrivals and callbacks"))
    orders, callbacks = mall.orders, mall.callbacks
    stage.does(
        COURIER, Text("A1、A5 送达", "reports that A1 and A5 have arrived"),
        lambda: _arrive(mall, "A1", "P1"),
        lambda: _arrive(mall, "A5", "P5"),
    )
    stage.does(
        PAYMENTS, Text("A5 上门收款 68.00 元入账", "books ¥68.00 for A5, paid at the door"),
        lambda: _pay(mall, "A5", 6800),
    )
    stage.at("10:00")
    stage.does(
        LI, Text("确认 A1 完成，系统随即生成回访", "completes A1; a callback opens by itself"),
        lambda: orders.complete("A1", by=LI.actor),
    )
    stage.does(
        SUN, Text("确认 A5 完成，同样生成回访", "completes A5; its callback opens too"),
        lambda: orders.complete("A5", by=SUN.actor),
    )
    stage.refused(
        OUYANG, Text("尚未回访就想归档 A1", "wants to archive A1 before its callback"),
        "callback.before-archive", lambda: orders.archive("A1", by=OUYANG.actor),
    )
    stage.at("10:30")
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
        OUYANG, Text("归档 A1", "archives A1"), lambda: orders.archive("A1", by=OUYANG.actor)
    )
    stage.does(
        CHEN, Text("回访孙爷爷（A5）：第一次无人接听", "calls Grandpa Sun (A5): nobody answers"),
        lambda: callbacks.attempt("A5", note="no answer", by=CHEN.actor),
    )
    stage.refused(
        CHEN, Text("只打过一次电话就想认定无法联系", "wants to give up after one call"),
        "callback.enough-attempts", lambda: callbacks.give_up("A5", by=CHEN.actor),
    )
    stage.at("14:00")
    stage.does(
        RUI, Text("审核通过绿茶的新版本", "reviews and approves the edit of the tea"),
        lambda: mall.listings.start_review("green-tea", by=RUI.actor),
        lambda: mall.listings.approve("green-tea", criteria=PASSED, by=RUI.actor),
    )
    stage.does(
        OUYANG, Text("发布：现在展示 72.00 元", "publishes it: ¥72.00 is shown now"),
        lambda: mall.listings.publish("green-tea", by=OUYANG.actor),
    )
    stage.at("16:00")
    stage.does(
        ZHAO,
        Text(
            "A2 的蜂蜜装第二个包裹发出，全部按时",
            "ships the honey of A2: two parcels, both in time",
        ),
        lambda: _ship(mall, "A2", "P3", honey=2),
    )
    stage.refused(
        OUYANG, Text("想代为确定 C1 的处理意见", "wants to settle the opinion on C1 instead"),
        "complaints.opinion-by-head-or-leader",
        lambda: mall.complaints.settle_opinion("C1", text="补发", by=OUYANG.actor),
    )
    stage.at("18:00")


def _thursday(stage: Stage, mall: Mall) -> None:
    stage.day(5, Text("星期四：超期、意见、答复", "Thursday: overdue, an opinion, an answer"))
    complaints = mall.complaints
    stage.does(
        LIN,
        Text(
            "确定 C1 的处理意见：补发茶杯，由胡敏致歉", "settles C1: a new cup, and Hu apologises"
        ),
        lambda: complaints.settle_opinion("C1", text="补发茶杯，由胡敏致歉", by=LIN.actor),
    )
    stage.at("10:00")
    stage.does(
        CHEN, Text("答复李奶奶，C1 办结", "answers Grandma Li and closes C1"),
        lambda: complaints.answer("C1", text="茶杯今日补发，胡敏会致电道歉", by=CHEN.actor),
        lambda: complaints.close("C1", by=CHEN.actor),
    )
    stage.does(
        CHEN,
        Text(
            "第二次致电孙爷爷（A5）：无人接听", "calls Grandpa Sun (A5) again: nobody answers"
        ),
        lambda: mall.callbacks.attempt("A5", note="no answer", by=CHEN.actor),
    )
    stage.at("11:00")
    stage.does(
        LI, Text("下单 A6：绿茶 2 件，已付款", "orders A6: 2 tea; it is paid"),
        lambda: _place(mall, "A6", LI, 2),
        lambda: _pay(mall, "A6", 13600),
    )
    stage.at("16:00")
    stage.refused(
        OUYANG, Text("期限已过才想为 A3 批准例外", "wants an exception for A3 after its limit"),
        "shipping.exception-before-limit",
        lambda: mall.orders.grant_exception(
            "A3", line="tea", reason="stock", until=START.replace(day=9),
            customer_told_at=stage.present.now, by=OUYANG.actor,
        ),
    )


def _friday(stage: Stage, mall: Mall) -> None:
    stage.day(6, Text(
        "星期五：迟到的发货、联系不上的客户", "Friday: late parcels, a customer out of reach"
    ))
    orders, callbacks = mall.orders, mall.callbacks
    stage.does(
        CHEN,
        Text(
            "第三次致电孙爷爷（A5）：无人接听", "calls Grandpa Sun (A5) a third time in vain"
        ),
        lambda: callbacks.attempt("A5", note="no answer", by=CHEN.actor),
    )
    stage.does(
        CHEN,
        Text(
            "已满三次，A5 认定无法联系，归档", "closes it as unreachable, and A5 is archived"
        ),
        lambda: callbacks.give_up("A5", by=CHEN.actor),
        lambda: orders.archive("A5", by=CHEN.actor),
    )
    stage.at("15:00")
    stage.does(
        ZHAO, Text("A3 终于发出，但已超期", "ships A3 at last, late"),
        lambda: _ship(mall, "A3", "P4", tea=1),
    )
    stage.does(
        COURIER, Text("A2 的两个包裹都已送达", "reports that both parcels of A2 have arrived"),
        lambda: _arrive(mall, "A2", "P2"),
        lambda: _arrive(mall, "A2", "P3"),
    )
    stage.does(
        SUN, Text("确认 A2 完成，生成回访", "completes A2; its callback opens"),
        lambda: orders.complete("A2", by=SUN.actor),
    )
    stage.at("16:00")
    stage.does(
        SUN, Text("下单 A7：绿茶 1 件、蜂蜜 1 件，已付款", "orders A7: 1 tea, 1 honey; it is paid"),
        lambda: _place(mall, "A7", SUN, 1, 1),
        lambda: _pay(mall, "A7", 12400),
    )
    stage.at("18:00")
