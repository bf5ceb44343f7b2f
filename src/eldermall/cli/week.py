"""The four days after the first: what becomes of what was begun on Monday."""

from __future__ import annotations

from eldermall.cli.cast import (
    CHEN,
    COURIER,
    HU,
    KANG,
    LI,
    LI_QIN,
    LIN,
    OUYANG,
    PAYMENTS,
    RUI,
    SUN,
    TEA,
    WANG,
    ZHAO,
    accept,
    arrive,
    on,
    pay,
    place,
    review,
    ship,
    urge_of,
)
from eldermall.cli.stage import Stage
from eldermall.contracts.courier import TrackingEvent
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
        lambda: complaints.close("callback.A4", by=CHEN.actor),
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
    shown = mall.listings.get("spring-tea").on_display
    price = 0 if shown is None else shown.price
    stage.does(
        LI,
        Text(
            f"看到的仍是 {price / 100:.2f} 元：审核通过的版本继续展示",
            f"still sees ¥{price / 100:.2f}: what passed review stays on display",
        ),
    )


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
        lambda: complaints.close("C1", by=CHEN.actor),
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
