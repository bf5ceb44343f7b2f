"""The pages. Whatever moves an order asks eldermall, in the transaction of the shop's own row."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required, user_passes_test
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from eldermall import Conflict, Refused, new_id, system
from shop.forms import Wish
from shop.mall import actor, moving, sunny
from shop.models import Order, Product
from shop.words import AGAIN, WRONG, lang_of

View = Callable[..., Any]

staff_only = user_passes_test(lambda user: user.is_staff)


def told(view: View) -> View:
    """Tell who asked why something wasn't done; nothing of it was, in either's tables."""

    @wraps(view)
    def asked(request: Any, *args: Any, **more: Any) -> Any:
        lang = lang_of(request)
        try:
            return view(request, *args, **more)
        except Refused as refused:
            reasons = (reason.in_(lang) for reason in refused.decision.reasons)
            for_staff = refused.text.in_(lang)  # with rules and clauses
            messages.error(request, for_staff if request.user.is_staff else " ".join(reasons))
        except Conflict:
            messages.error(request, AGAIN.in_(lang))
        return redirect(request.META.get("HTTP_REFERER", "shelf"))

    return asked


def shelf(request: Any) -> Any:
    """Show what there is to buy, and the orders that concern the user."""
    orders = Order.objects.select_related("product").order_by("-id")
    if not request.user.is_staff:
        orders = orders.filter(customer_id=request.user.id)
    return render(
        request, "shop/shelf.html", {"products": Product.objects.order_by("code"), "orders": orders}
    )


@require_POST
@login_required
@told
def place(request: Any) -> Any:
    """Order something."""
    wish = Wish(request.POST)
    if not wish.is_valid():
        messages.error(request, WRONG.in_(lang_of(request)))
        return redirect("shelf")
    product, quantity = wish.cleaned_data["product"], wish.cleaned_data["quantity"]
    with moving() as m:
        order = Order.objects.create(
            id=new_id(sunny.mall.now()), customer=request.user, product=product, quantity=quantity,
            total=quantity * product.price,
        )
        m.orders.place(
            order.id, customer=request.user.username, lines=[order.line], total=order.total,
            by=actor(request.user),
        )
    return redirect("order", order.id)


@login_required
def order(request: Any, id: str) -> Any:
    """Show an order: the shop's row, and where it stands."""
    order = _order(request, id)
    kept = sunny.mall.orders.get(order.id)
    states = {
        machine.field: state.label.in_(lang_of(request))
        for machine in sunny.mall.book.kind("order").machines
        for state in machine.states
        if state.name == getattr(kept, machine.field)
    }
    return render(request, "shop/order.html", {"order": order, "states": states})


@require_POST
@login_required
@told
def pay(request: Any, id: str) -> Any:
    """Pay an order. In a real shop the payment service calls this."""
    with moving() as m:
        order = _order(request, id)
        order.paid = True
        order.save()
        m.orders.paid(order.id, order.total, f"pay-{order.id}", by=system("payments"))
    return redirect("order", id)


@require_POST
@staff_only
@told
def accept(request: Any, id: str) -> Any:
    """Take an order on."""
    by = actor(request.user)
    with moving() as m:
        m.orders.hand_over(id, to=by.id, by=by)
        m.orders.accept(id, by=by)
    return redirect("order", id)


@require_POST
@staff_only
@told
def ship(request: Any, id: str) -> Any:
    """Send an order's parcel."""
    with moving() as m:
        order = _order(request, id)
        order.tracking = f"SF{order.id[-12:]}"
        order.save()
        m.orders.ship(
            order.id, parcel="1", courier="SF", tracking=order.tracking,
            lines={order.product.code: order.quantity}, by=actor(request.user),
        )
    return redirect("order", id)


def _order(request: Any, id: str) -> Any:
    orders = Order.objects.select_related("product", "customer")
    if not request.user.is_staff:
        orders = orders.filter(customer=request.user)
    return get_object_or_404(orders, id=id)
