"""What the four shops share and eldermall has no part in: goods, words, the look of a visitor."""

from __future__ import annotations

import secrets
import time
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

Lang = Literal["zh", "en"]

TEMPLATES = Path(__file__).parent / "templates"
STAFF = "olivia"
VISITOR = "li"

GOODS = {
    "green-tea": ("绿茶 250 克", "Green tea, 250 g"),
    "honey": ("洋槐蜜 500 克", "Acacia honey, 500 g"),
}
PRICES = {"green-tea": 6800, "honey": 5600}  # in fen

WORDS = {
    "shop": ("暖阳商城", "Warm Sun Mall"),
    "products": ("商品", "Products"),
    "product": ("商品", "Product"),
    "left": ("库存", "in stock"),
    "buy": ("购买", "Buy"),
    "orders": ("订单", "Orders"),
    "none": ("暂无订单", "No orders yet"),
    "order": ("订单", "Order"),
    "customer": ("顾客", "Customer"),
    "total": ("合计", "Total"),
    "payment": ("付款", "Payment"),
    "paid": ("已付款", "paid"),
    "unpaid": ("未付款", "not paid"),
    "progress": ("进度", "Progress"),
    "placed": ("已下单", "placed"),
    "accepted": ("已接单", "accepted"),
    "shipped": ("已发货", "shipped"),
    "tracking": ("运单号", "Tracking number"),
    "pay": ("付款", "Pay"),
    "accept": ("接单", "Accept"),
    "ship": ("发货", "Ship"),
    "back": ("返回", "Back"),
    "sorry": ("这一步没有办成", "This could not be done"),
    "sold_out": ("商品已售完", "It is sold out"),
    "no_order": ("没有这个订单", "There is no such order"),
    "staff_only": ("只有店员可以这样做", "Only staff may do this"),
    "again": ("系统繁忙，请再试一次", "The shop is busy; please try again"),
    "you": ("您是", "You are"),
    "li": ("李奶奶", "Grandma Li"),
    "olivia": ("店员小欧", "Olivia (staff)"),
    "be": ("换成", "switch to"),
}

class Problem(Exception):
    """What the shop itself says no to: a word that says why, and the status of the answer."""

    def __init__(self, word: str, status: int = 409) -> None:
        super().__init__(word)
        self.word = word
        self.status = status


def lang_of(accepted: str | None) -> Lang:
    """Return the language that a browser asks for: the first that we speak, Chinese if none."""
    for part in (accepted or "").lower().split(","):
        if part.strip().startswith("en"):
            return "en"
        if part.strip().startswith("zh"):
            return "zh"
    return "zh"


def say(word: str, lang: Lang) -> str:
    """Return a word in a language."""
    return WORDS[word][lang == "en"]


def seen(lang: Lang, who: str) -> dict[str, Any]:
    """Return what every page shows: the words and goods in the visitor's language, and who it is.

    ``who`` stands in for a login: whoever says who they are is believed.
    """
    return {
        "lang": lang,
        "say": {word: texts[lang == "en"] for word, texts in WORDS.items()},
        "goods": {code: names[lang == "en"] for code, names in GOODS.items()},
        "who": who,
        "staff": who == STAFF,
        "other": VISITOR if who == STAFF else STAFF,
    }


def now() -> int:
    """Return the present time in seconds since 1970."""
    return int(time.time())


def new_id() -> str:
    """Return the id of a new order."""
    return f"{datetime.now():%y%m%d-%H%M%S}-{secrets.token_hex(3)}"
