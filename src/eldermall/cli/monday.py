"""The first day of the demo: from the morning to the evening through every room of the mall."""

from __future__ import annotations

from datetime import date

from eldermall.cli.cast import (
    CHEN,
    FAILED,
    HAIRCUT,
    HONEY,
    HU,
    KANG,
    LI,
    LIN,
    OUYANG,
    PAYMENTS,
    RUI,
    STEPS,
    STICK,
    SUN,
    TEA,
    WANG,
    ZHAO,
    accept,
    on,
    pay,
    place,
    review,
    ship,
)
from eldermall.cli.stage import Stage
from eldermall.mall import Mall
from eldermall.rooms.people import LEADER, head_of
from eldermall.texts import Text

WEDNESDAY, SATURDAY = date(2026, 3, 4), date(2026, 3, 7)


def monday(stage: Stage, mall: Mall) -> None:
    """Play it."""
    stage.tell("day", None, Text("星期一：商城的一整天", "Monday: a whole day of the mall"))
    _people(stage, mall)
    _collecting(stage, mall)
    _reviewing(stage, mall)
    _stock(stage, mall)
    _orders(stage, mall)
    _fulfilment(stage, mall)
    _complaint(stage, mall)


def _people(stage: Stage, mall: Mall) -> None:
    posts = (
        ("collection", "ouyang"), ("listing", "ouyang"), ("review", "rui"), ("review", "hu"),
        ("order", "ouyang"), ("tracking", "ouyang"), ("after_sale", "chen"), ("callback", "chen"),
        (head_of("operations"), "hu"),
    )
    stage.scene("08:30", Text("到岗", "Everybody at their post"))
    stage.does(
        OUYANG,
        Text(
            "登记林总为公司领导：商城的首次任命",
            "enters Lin as the company leader: the mall's first appointment",
        ),
        lambda: mall.designations.appoint(LEADER, "lin", by=OUYANG.actor),
    )
    stage.does(
        LIN,
        Text(
            "为各环节指定专人，唯“留言”环节尚未指定",
            "designates persons for every link of daily operation; only messages stays open",
        ),
        *(
            lambda post=post, who=who: mall.designations.appoint(post, who, by=LIN.actor)
            for post, who in posts
        ),
    )
    stage.does(
        OUYANG,
        Text(
            "安排外勤王磊对接赵记茶坊和康师傅理发",
            "assigns Wang to the tea house and the barber as their field agent",
        ),
        *(
            lambda merchant=merchant: mall.assignments.appoint(merchant, "wang", by=OUYANG.actor)
            for merchant in ("tea-house", "home-barber")
        ),
    )


def _collecting(stage: Stage, mall: Mall) -> None:
    listings, jobs = mall.listings, mall.assistance
    stage.scene("09:00", Text(
        "采集：商家自采、上门协助、公司自营", "Collecting: by the merchant, with help, our own"
    ))
    stage.does(
        ZHAO,
        Text(
            "自行上传“明前绿茶”，68.00 元，提交审核", "drafts “Green tea”, ¥68.00, and submits it"
        ),
        lambda: listings.draft("spring-tea", content=TEA, merchant="tea-house", by=ZHAO.actor),
        lambda: listings.submit("spring-tea", by=ZHAO.actor),
    )
    stage.refused(
        OUYANG, Text("未经审核就想发布", "wants to publish it before any review"),
        "machine.no-such-move", lambda: listings.publish("spring-tea", by=OUYANG.actor),
    )
    stage.does(
        ZHAO,
        Text("蜂蜜不会拍照制图，申请上门协助", "can't take pictures of his honey: asks for help"),
        lambda: jobs.request("H1", merchant="tea-house", by=ZHAO.actor),
    )
    stage.does(
        OUYANG, Text("指派王磊到场协助", "appoints Wang to help on site"),
        lambda: jobs.appoint("H1", who="wang", by=OUYANG.actor),
    )
    stage.at("09:30")
    stage.does(
        RUI,
        Text("起草自营商品“手杖”，提交审核", "drafts the mall's own “Walking stick”, submits it"),
        lambda: listings.draft("walking-stick", content=STICK, by=RUI.actor),
        lambda: listings.submit("walking-stick", by=RUI.actor),
    )
    stage.refused(
        RUI, Text("想审核自己起草的“手杖”", "wants to review that listing, being its author"),
        "review.not-the-author", lambda: listings.start_review("walking-stick", by=RUI.actor),
    )
    stage.does(
        KANG,
        Text(
            "上传服务“上门理发”，38.00 元，提交审核",
            "drafts a service, “Haircut at home”, ¥38.00, and submits it",
        ),
        lambda: listings.draft(
            "haircut", content=HAIRCUT, merchant="home-barber", kind="service", by=KANG.actor
        ),
        lambda: listings.submit("haircut", by=KANG.actor),
    )
    stage.at("10:30")
    stage.does(
        WANG,
        Text(
            "到达茶坊：拍照、制图、制作详情页，逐步登记",
            "arrives at the tea house: pictures, their editing, the page; ticks each step",
        ),
        lambda: jobs.arrive("H1", where="湖滨路 3 号 · 3 Lake Road", by=WANG.actor),
        *(
            lambda step=step: jobs.mark("H1", step=step, outcome="done", by=WANG.actor)
            for step in STEPS[:3]
        ),
    )
    stage.refused(
        WANG, Text("四步只完成三步就想收工", "wants to finish with three steps of four"),
        "collection.every-step-marked", lambda: jobs.finish("H1", by=WANG.actor),
    )
    stage.at("11:00")
    stage.does(
        WANG,
        Text(
            "代茶坊上传“洋槐蜂蜜”，56.00 元，提交审核；第四步登记，协助完成",
            "drafts “Acacia honey”, ¥56.00, for the tea house; ticks the fourth step; is done",
        ),
        lambda: listings.draft(
            "acacia-honey", content=HONEY, merchant="tea-house", assistance="H1", by=WANG.actor
        ),
        lambda: listings.submit("acacia-honey", by=WANG.actor),
        lambda: jobs.mark("H1", step=STEPS[3], outcome="done", by=WANG.actor),
        lambda: jobs.finish("H1", by=WANG.actor),
    )


def _reviewing(stage: Stage, mall: Mall) -> None:
    listings = mall.listings
    stage.scene("11:30", Text("审核与上架", "Reviewing and showing"))
    stage.does(
        RUI, Text("开始审核“明前绿茶”", "starts the review of “Green tea”"),
        lambda: listings.start_review("spring-tea", by=RUI.actor),
    )
    stage.refused(
        RUI, Text("“真实”一项不合格，仍想通过", "wants to approve it though authenticity fails"),
        "review.all-passed",
        lambda: listings.approve("spring-tea", criteria=FAILED, by=RUI.actor),
    )
    stage.does(
        RUI, Text("退回：没有产地证明", "returns it: no proof of origin"),
        lambda: listings.return_("spring-tea", criteria=FAILED, by=RUI.actor),
    )
    stage.at("13:00")
    revised = {**TEA, "description": "250 g, 产地证明 · certificate of origin 2026-017"}
    stage.does(
        ZHAO, Text("补上产地证明，重新提交", "adds the certificate of origin and submits it again"),
        lambda: listings.revise("spring-tea", content=revised, by=ZHAO.actor),
        lambda: listings.submit("spring-tea", by=ZHAO.actor),
    )
    stage.does(
        RUI,
        Text(
            "逐项审核绿茶、蜂蜜、理发，全部合格，予以通过",
            "reviews tea, honey and haircut: every criterion is met; approves them",
        ),
        *(
            lambda id=id: review(mall, id, RUI)
            for id in ("spring-tea", "acacia-honey", "haircut")
        ),
    )
    stage.does(
        HU, Text("审核芮青起草的手杖，予以通过", "reviews the stick, which Rui wrote; approves it"),
        lambda: review(mall, "walking-stick", HU),
    )
    stage.does(
        OUYANG, Text("四项全部发布，客户现在能看到", "publishes all four: customers see them now"),
        *(
            lambda id=id: listings.publish(id, by=OUYANG.actor)
            for id in ("spring-tea", "acacia-honey", "haircut", "walking-stick")
        ),
    )


def _stock(stage: Stage, mall: Mall) -> None:
    stock, capacity = mall.stock, mall.capacity
    stage.scene("13:30", Text("库存与服务容量", "Stock and capacity"))
    stage.does(
        ZHAO,
        Text(
            "入库绿茶 20 件、蜂蜜 5 件；蜂蜜剩 2 件时预警",
            "books in 20 tea and 5 honey; wants a warning at 2 honey",
        ),
        *(
            lambda id=id, n=n, warn=warn: (
                stock.open(id, warn_at=warn, merchant="tea-house", by=ZHAO.actor),
                stock.receive(id, lot="L1", quantity=n, source="note 1", by=ZHAO.actor),
            )
            for id, n, warn in (("spring-tea", 20, 3), ("acacia-honey", 5, 2))
        ),
    )
    stage.does(
        KANG,
        Text(
            "设定容量：周三、周六各理发 1 人",
            "sets his capacity: 1 haircut on Wednesday, 1 on Saturday",
        ),
        lambda: capacity.open("haircut", merchant="home-barber", by=KANG.actor),
        *(
            lambda day=day: capacity.set_day("haircut", day=day, total=1, by=KANG.actor)
            for day in (WEDNESDAY, SATURDAY)
        ),
    )


def _orders(stage: Stage, mall: Mall) -> None:
    stage.scene("14:00", Text("下单", "Orders"))
    stage.does(
        LI,
        Text("下单 A1：绿茶 3 件、蜂蜜 1 件，已付款", "orders A1: 3 tea, 1 honey; it is paid"),
        lambda: place(mall, "A1", LI, {"tea": 3, "honey": 1}),
        lambda: pay(mall, "A1"),
    )
    stage.does(
        SUN,
        Text("下单 A2：绿茶 2 件、蜂蜜 2 件，尚未付款", "orders A2: 2 tea, 2 honey; not paid yet"),
        lambda: place(mall, "A2", SUN, {"tea": 2, "honey": 2}),
    )
    stage.refused(
        SUN, Text("想取消李奶奶的订单 A1", "wants to cancel A1, which is Grandma Li's"),
        "machine.own-records",
        lambda: mall.orders.cancel("A1", reason="by mistake", by=SUN.actor),
    )
    stage.at("14:30")
    stage.does(
        LI, Text("下单 A3：绿茶 1 件，已付款", "orders A3: 1 tea; it is paid"),
        lambda: place(mall, "A3", LI, {"tea": 1}),
        lambda: pay(mall, "A3"),
    )
    stage.does(
        SUN,
        Text("下单 A4：自营手杖，已付款", "orders A4: the mall's own walking stick; it is paid"),
        lambda: place(mall, "A4", SUN, {"stick": 1}),
        lambda: pay(mall, "A4"),
    )
    stage.does(
        LI,
        Text(
            "下单 B1：上门理发，已付款；指定女儿李琴代为办理",
            "orders B1: a haircut; it is paid; names her daughter Li Qin to act for her",
        ),
        lambda: place(mall, "B1", LI, {"haircut": 1}, relatives=["li-qin"]),
        lambda: pay(mall, "B1"),
    )
    stage.does(
        SUN, Text("下单 B2：上门理发，已付款", "orders B2: a haircut; it is paid"),
        lambda: place(mall, "B2", SUN, {"haircut": 1}),
        lambda: pay(mall, "B2"),
    )


def _fulfilment(stage: Stage, mall: Mall) -> None:
    orders = mall.orders
    stage.scene("15:00", Text("转交、预约、发货", "Hand-over, appointments, parcels"))
    stage.does(
        CHEN,
        Text(
            "商家的订单转交王磊，王磊逐一致电，商家接单",
            "hands the merchants' orders to Wang, who phones them; they accept",
        ),
        *(lambda id=id: accept(mall, id, ZHAO) for id in ("A1", "A2", "A3")),
        *(lambda id=id: accept(mall, id, KANG) for id in ("B1", "B2")),
    )
    stage.does(
        CHEN, Text("自营订单 A4 转交欧阳兰备货", "hands A4, the mall's own, to Ouyang"),
        lambda: orders.hand_over("A4", to="ouyang", by=CHEN.actor),
        lambda: orders.accept("A4", by=OUYANG.actor),
    )
    stage.refused(
        ZHAO, Text("A2 尚未付款就想发货", "wants to ship A2, which isn't paid"),
        "shipping.paid-first", lambda: ship(mall, "A2", "P2", ZHAO, tea=1),
    )
    stage.at("15:30")
    stage.refused(
        PAYMENTS,
        Text(
            "想把 A1 的付款凭证 pay-A1 再用于 A2",
            "wants to book pay-A1, the reference of A1, for A2 too",
        ),
        "machine.record-exists", lambda: pay(mall, "A2", "pay-A1"),
    )
    stage.does(
        PAYMENTS, Text("A2 的付款以其自己的凭证入账", "books A2 under a reference of its own"),
        lambda: pay(mall, "A2"),
    )
    stage.does(
        KANG,
        Text("B1 约定周三 10:00，李奶奶家中", "appoints B1: Wednesday 10:00, at Grandma Li's"),
        lambda: orders.appoint("B1", when=on(4, "10:00"), place="李奶奶家", by=KANG.actor),
    )
    stage.refused(
        KANG, Text("想把 B2 也约在周三", "wants to appoint B2 for Wednesday too"),
        "capacity.no-overbooking",
        lambda: orders.appoint("B2", when=on(4, "15:00"), place="孙爷爷家", by=KANG.actor),
    )
    stage.does(
        KANG, Text("B2 约在周六 10:00", "appoints B2 for Saturday 10:00 instead"),
        lambda: orders.appoint("B2", when=on(7, "10:00"), place="孙爷爷家", by=KANG.actor),
    )
    stage.at("16:00")
    stage.does(
        ZHAO,
        Text(
            "A1 全部发出（P1）；A2 先发绿茶（P2），蜂蜜随后",
            "ships all of A1 (P1), and the tea of A2 (P2); its honey is to follow",
        ),
        lambda: ship(mall, "A1", "P1", ZHAO, tea=3, honey=1),
        lambda: ship(mall, "A2", "P2", ZHAO, tea=2),
    )
    stage.does(
        OUYANG, Text("A4 的手杖发出（P4）", "ships the stick of A4 (P4)"),
        lambda: ship(mall, "A4", "P4", OUYANG, stick=1),
    )


def _complaint(stage: Stage, mall: Mall) -> None:
    stage.scene("17:00", Text("投诉", "A complaint"))
    words = "胡敏上月答应补发茶杯，至今没有下文"
    stage.does(
        LI,
        Text(
            f"投诉 C1：{words}",
            "complains (C1): last month Hu promised her a new cup, and nothing came",
        ),
        lambda: mall.complaints.receive(
            "C1", customer="grandma-li", words=words, against="hu", by=LI.actor
        ),
    )
    stage.does(
        CHEN,
        Text("登记诉求：补发茶杯并道歉", "records what she asks for: the cup, and an apology"),
        lambda: mall.complaints.record(
            "C1", subject="茶杯未补发", remedy="补发茶杯并道歉", etiquette="2026-01", by=CHEN.actor
        ),
    )
