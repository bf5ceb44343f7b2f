"""What people read, in Chinese and English."""

from __future__ import annotations

from typing import Any

from eldermall.texts import Lang, Text

WORDS = {
    "shop": Text("暖阳商城", "Warm Sun Mall"),
    "login": Text("登录", "Log in"),
    "logout": Text("退出登录", "Log out"),
    "shelf": Text("商品", "Products"),
    "quantity": Text("数量", "Quantity"),
    "buy": Text("下单", "Order"),
    "orders": Text("订单", "Orders"),
    "order": Text("订单", "Order"),
    "goods": Text("商品进度", "Goods"),
    "payment": Text("付款", "Payment"),
    "total": Text("合计", "Total"),
    "customer": Text("顾客", "Customer"),
    "tracking": Text("运单号", "Tracking number"),
    "pay": Text("付款", "Pay"),
    "accept": Text("接单", "Accept"),
    "ship": Text("发货", "Ship"),
    "none": Text("暂无订单", "No orders yet"),
}
AGAIN = Text("有他人同时操作，请再试一次", "somebody else was at it at the same moment; try again")
WRONG = Text("请填写 1 至 99 的数量", "give a quantity from 1 to 99")


def lang_of(request: Any) -> Lang:
    """Return the language in which a request is answered."""
    return "zh" if request.LANGUAGE_CODE.startswith("zh") else "en"


def words(request: Any) -> dict[str, Any]:
    """Give templates all words in the request's language."""
    lang = lang_of(request)
    return {"lang": lang, "say": {name: text.in_(lang) for name, text in WORDS.items()}}
