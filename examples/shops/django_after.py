"""A small shop on Django's ORM: order, pay, accept, ship."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import django
from django.conf import settings
from front import PRICES, STAFF, TEMPLATES, VISITOR, Lang, Problem, lang_of, new_id, now, say, seen

from eldermall import Conflict, Mall, Refused, person, system
from eldermall.adapters.django import DjangoMall

URL = os.environ.get("SHOP_DATABASE", "sqlite:///shop.db")


def database(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    options: dict[str, Any] = dict(parse_qsl(parts.query))
    if parts.scheme == "sqlite":
        options["transaction_mode"] = "IMMEDIATE"
    return {
        "ENGINE": f"django.db.backends.{parts.scheme.replace('sqlite', 'sqlite3')}",
        "NAME": unquote(parts.path[1:]),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
        "OPTIONS": options,
    }


settings.configure(
    SECRET_KEY=os.environ.get("SHOP_SECRET_KEY", "only for trying out"),
    ALLOWED_HOSTS=["localhost", "127.0.0.1"],
    DATABASES={"default": database(URL)},
    MIDDLEWARE=["django.middleware.csrf.CsrfViewMiddleware", f"{__name__}.Problems"],
    ROOT_URLCONF=__name__,
    TEMPLATES=[{"BACKEND": "django.template.backends.jinja2.Jinja2", "DIRS": [TEMPLATES]}],
    USE_TZ=True,
)
django.setup()

from django.core.management import execute_from_command_line  # noqa: E402
from django.db import connection, models  # noqa: E402
from django.http import HttpRequest, HttpResponse  # noqa: E402
from django.shortcuts import redirect, render  # noqa: E402
from django.urls import path  # noqa: E402
from django.views.decorators.http import require_GET, require_POST  # noqa: E402


class Product(models.Model):
    code = models.CharField(max_length=64, primary_key=True)
    price = models.IntegerField()
    stock = models.IntegerField()

    class Meta:
        app_label = "shop"
        db_table = "products"


class Order(models.Model):
    id = models.CharField(max_length=64, primary_key=True)
    customer = models.CharField(max_length=64)
    product = models.CharField(max_length=64)
    total = models.IntegerField()
    placed_at = models.BigIntegerField()
    paid_at = models.BigIntegerField(null=True)
    state = models.CharField(max_length=16, default="placed")
    tracking = models.CharField(max_length=64, default="")

    class Meta:
        app_label = "shop"
        db_table = "orders"


if "orders" not in connection.introspection.table_names():
    with connection.schema_editor() as editor:
        for model in (Product, Order):
            editor.create_model(model)
    for code, price in PRICES.items():
        Product.objects.create(code=code, price=price, stock=3)

OLIVIA = person(STAFF, "operations", department="operations")
shop = DjangoMall(lambda: Mall.open(URL, policy=os.environ.get("SHOP_POLICY", "pack:demo")))
mall = shop.mall  # opened now


def who(request: HttpRequest) -> str:
    return str(request.COOKIES.get("who", VISITOR))


def lang(request: HttpRequest) -> Lang:
    return lang_of(request.headers.get("Accept-Language"))


def page(request: HttpRequest, name: str, status: int = 200, **more: Any) -> HttpResponse:
    return render(request, name, seen(lang(request), who(request)) | more, status=status)


def staff_only(request: HttpRequest) -> None:
    if who(request) != STAFF:
        raise Problem("staff_only", 403)


def find(request: HttpRequest, id: str) -> Order:
    order: Order | None = Order.objects.filter(id=id).first()
    if order is None or who(request) not in (STAFF, order.customer):
        raise Problem("no_order", 404)
    return order


class Problems:
    """Shows what was said no to as a page."""

    def __init__(self, answer: Callable[[HttpRequest], HttpResponse]) -> None:
        self.answer = answer

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.answer(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if isinstance(error, Problem):
            reasons = [say(error.word, lang(request))]
            return page(request, "problem.html", error.status, reasons=reasons)
        if isinstance(error, Refused):
            reasons = [reason.in_(lang(request)) for reason in error.decision.reasons]
            return page(request, "problem.html", 409, reasons=reasons)
        if isinstance(error, Conflict):
            return self.process_exception(request, Problem("again"))
        return None


@require_GET
def be(request: HttpRequest, name: str) -> HttpResponse:
    answer = redirect("/")
    answer.set_cookie("who", STAFF if name == STAFF else VISITOR, samesite="Lax")
    return answer


@require_GET
def shelf(request: HttpRequest) -> HttpResponse:
    orders = Order.objects.order_by("-id")
    if who(request) != STAFF:
        orders = orders.filter(customer=who(request))
    products = Product.objects.order_by("code")
    return page(request, "shelf.html", products=products, orders=orders)


@require_GET
def order(request: HttpRequest, id: str) -> HttpResponse:
    return page(request, "order.html", order=find(request, id))


@require_POST
def place(request: HttpRequest, code: str) -> HttpResponse:
    id = new_id()
    with shop.moving() as m:
        left = Product.objects.filter(code=code, stock__gt=0)
        if not left.update(stock=models.F("stock") - 1):
            raise Problem("sold_out")
        total = Product.objects.get(code=code).price
        new = {"id": id, "customer": who(request), "product": code, "total": total}
        Order.objects.create(**new, placed_at=now())
        line = {"id": code, "listing": code, "quantity": 1, "amount": total}
        by = person(who(request), "customer")
        m.orders.place(id, customer=by.id, lines=[line], total=total, by=by)
    return redirect(f"/orders/{id}")


@require_POST
def pay(request: HttpRequest, id: str) -> HttpResponse:
    """Stands in for the notice of a payment service."""
    with shop.moving() as m:
        order = find(request, id)
        m.orders.paid(id, order.total, f"pay-{id}", by=system("payments"))
        order.paid_at = now()
        order.save()
    return redirect(f"/orders/{id}")


@require_POST
def accept(request: HttpRequest, id: str) -> HttpResponse:
    staff_only(request)
    with shop.moving() as m:
        order = find(request, id)
        m.orders.hand_over(id, to=STAFF, by=OLIVIA)
        m.orders.accept(id, by=OLIVIA)
        order.state = "accepted"
        order.save()
    return redirect(f"/orders/{id}")


@require_POST
def ship(request: HttpRequest, id: str) -> HttpResponse:
    staff_only(request)
    with shop.moving() as m:
        order = find(request, id)
        order.state = "shipped"
        order.tracking = tracking = f"SF{id[-6:].upper()}"
        order.save()
        lines = {order.product: 1}
        m.orders.ship(id, parcel="1", courier="SF", tracking=tracking, lines=lines, by=OLIVIA)
    return redirect(f"/orders/{id}")


urlpatterns = [
    path("", shelf),
    path("as/<name>", be),
    path("buy/<code>", place),
    path("orders/<id>", order),
    path("orders/<id>/pay", pay),
    path("orders/<id>/accept", accept),
    path("orders/<id>/ship", ship),
]

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
