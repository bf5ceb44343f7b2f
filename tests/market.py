"""The shop of ``examples/oscar_shop``, in a process of its own: Django is set up once in a process.

What is asked of it goes through Oscar's own pages, as browsers send it.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from decimal import Decimal
from itertools import count
from multiprocessing.connection import Connection
from typing import Any

from tests.apart import APART
from tests.shop import ROOT

MARKET = ROOT / "examples" / "oscar_shop"
SELLERS = {"tea-house": {"tea": "68.00", "cup": "9.99"}, "bee-farm": {"honey": "56.00"}}
_numbers = count(1)


class Market:
    """What is done in that process; each answer is plain data."""

    def __init__(self, url: str, *, eldermall: bool = True) -> None:
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "market.settings", "SHOP_DATABASE": url,
            "SHOP_ELDERMALL": "1" if eldermall else "0",
            "SHOP_MAIL": "django.core.mail.backends.locmem.EmailBackend",
        }
        sys.path.insert(0, str(MARKET))
        warnings.simplefilter("ignore")  # what is of Oscar's own
        import django

        django.setup()
        from django.apps import apps
        from django.conf import settings
        from django.core.management import call_command

        settings.MIGRATION_MODULES = dict.fromkeys(app.label for app in apps.get_app_configs())
        call_command("migrate", run_syncdb=True, verbosity=0)  # the tables as they end up
        self._fill()
        if eldermall:
            from market.mall import shop

            from eldermall import person

            self.mall = shop.mall
            for link in ("order", "after_sale", "tracking"):
                by = person("lin", "company_leader", department="board")
                self.mall.designations.appoint(link, f"user.{self.staff.pk}", by=by)
            for seller in SELLERS:
                by = person(f"user.{self.staff.pk}", "operations", department="operations")
                self.mall.assignments.appoint(seller, f"user.{self.agent.pk}", by=by)

    def _fill(self) -> None:
        from django.contrib.auth.models import Permission, User
        from oscar.core.loading import get_model
        from oscar.test import factories

        get_model("address", "Country").objects.create(
            iso_3166_1_a2="CN", name="China", printable_name="China", is_shipping_country=True
        )
        get_model("order", "ShippingEventType").objects.create(name="shipped", code="shipped")
        get_model("order", "PaymentEventType").objects.create(name="collected", code="collected")
        kind = factories.ProductClassFactory(name="goods", track_stock=True)
        self.products: dict[str, Any] = {}
        for seller, goods in SELLERS.items():
            user = User.objects.create_user(seller, f"{seller}@example.com", "secret")
            user.user_permissions.add(Permission.objects.get(codename="dashboard_access"))
            partner = factories.PartnerFactory(name=seller, code=seller)
            partner.users.add(user)
            for name, price in goods.items():
                product = factories.ProductFactory(
                    title=name, upc=name, product_class=kind, stockrecords=[], categories=[]
                )
                factories.StockRecordFactory(
                    product=product, partner=partner, partner_sku=name, price_currency="CNY",
                    price=Decimal(price), num_in_stock=100_000,
                )
                self.products[name] = product
        self.staff = User.objects.create_superuser("olivia", "olivia@example.com", "secret")
        self.agent = User.objects.create_user("wang", "wang@example.com", "secret")
        User.objects.create_user("li", "li@example.com", "secret")

    def browser(self, who: str = "") -> Any:
        """Return a browser, logged in if a name is given."""
        from django.contrib.auth.models import User
        from django.test import Client

        client = Client()
        if who:
            backend = "django.contrib.auth.backends.ModelBackend"
            client.force_login(User.objects.get(username=who), backend)
        return client

    def basket(self, goods: dict[str, int], who: str = "") -> Any:
        """Fill a basket and go through the checkout up to its last page; return the browser."""
        client = self.browser(who)
        for name, quantity in goods.items():
            product = self.products[name]
            sent(client, f"/basket/add/{product.pk}/", quantity=quantity)
        if not who:
            email = f"guest{next(_numbers)}@example.com"
            sent(client, "/checkout/", username=email, options="anonymous")
        sent(
            client, "/checkout/shipping-address/", first_name="Li", last_name="Li",
            line1="1 Lane", line4="Shanghai", postcode="200000", country="CN",
        )
        client.get("/checkout/shipping-method/")
        client.get("/checkout/payment-method/")
        return client

    def bought(self, goods: dict[str, int], who: str = "", pay: str = "card") -> str:
        """Check out; return the order's number, or what the page says."""
        return self.placed(self.basket(goods, who), pay)

    def placed(self, client: Any, pay: str = "card") -> str:
        """Press "place order"."""
        from oscar.core.loading import get_model

        answer = client.post("/checkout/preview/", {"action": "place_order", "pay": pay})
        if answer.status_code != 302:
            return str((answer.context or {}).get("error") or answer.status_code)
        id = client.session["checkout_order_id"]
        return str(get_model("order", "Order").objects.get(pk=id).number)

    def ordered_at_once(self, each: int) -> list[str]:
        """Let two threads place so many orders each; return what came of each order."""
        clients = [[self.basket({"tea": 1, "honey": 2}) for _ in range(each)] for _ in range(2)]
        said: list[str] = []
        start = threading.Barrier(2)

        def press(mine: Sequence[Any]) -> None:
            from django.db import connections

            start.wait(60)
            said.extend(self.placed(client) for client in mine)
            connections.close_all()

        threads = [threading.Thread(target=press, args=(mine,)) for mine in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        return said

    def timed(self, goods: dict[str, int], times: int) -> tuple[float, float, int, int]:
        """Place so many orders.

        Returns:
            seconds of CPU and of the clock an order, and of one more Oscar's statements and ours.
        """
        from django.db import connection
        from sqlalchemy import Engine, event

        theirs, ours = [0], [0]

        def oscar(execute: Any, sql: str, values: Any, many: bool, context: Any) -> Any:
            theirs[0] += 1
            return execute(sql, values, many, context)

        def eldermall(*_: object) -> None:
            ours[0] += 1

        clients = [self.basket(goods) for _ in range(times + 1)]
        start, cpu = time.perf_counter(), time.process_time()
        for client in clients[1:]:
            assert self.placed(client).isdigit()
        spent, seconds = time.process_time() - cpu, time.perf_counter() - start
        event.listen(Engine, "before_cursor_execute", eldermall)
        with connection.execute_wrapper(oscar):
            answer = clients[0].post("/checkout/preview/", {"action": "place_order"})
        event.remove(Engine, "before_cursor_execute", eldermall)
        assert answer.status_code == 302
        return spent / times, seconds / times, theirs[0], ours[0]

    def isolated(self, level: str) -> None:
        """Let the host's transactions on PostgreSQL begin with this isolation."""
        from django.db import connections

        connection = connections["default"]
        name = connection.settings_dict["NAME"]
        with connection.cursor() as cursor:
            cursor.execute(
                f'ALTER DATABASE "{name}" SET default_transaction_isolation = \'{level}\''
            )
        connections.close_all()

    def pressed(self, number: str, who: str = "olivia", **fields: Any) -> list[str]:
        """Press a button on an order's page in the dashboard; return what the page then says."""
        client = self.browser(who)
        page = f"/dashboard/orders/{number}/"
        answer = client.post(page, fields)
        if answer.status_code == 404:
            return ["404"]
        from django.contrib.messages import get_messages

        return [str(message) for message in get_messages(answer.wsgi_request)]

    def ship(self, number: str, goods: dict[str, int], note: str, who: str = "olivia") -> str:
        """Press "create shipping event" for some quantities; return what the page says."""
        lines = {self.line(number, name): quantity for name, quantity in goods.items()}
        (said,) = self.pressed(
            number, who, line_action="create_shipping_event", shipping_event_type="shipped",
            reference=note, selected_line=list(lines),
            **{f"selected_line_qty_{id}": quantity for id, quantity in lines.items()},
        )
        return said

    def delivered(self, number: str) -> None:
        """Let all parcels arrive that are on their way."""
        from eldermall import system

        for _, record in self._records(number):
            for parcel in record.parcels:
                if parcel.delivered_at is None:
                    by = system(f"courier:{parcel.courier}")
                    self.mall.orders.deliver(record.id, parcel=parcel.id, by=by)

    def line(self, number: str, name: str) -> int:
        """Return the id of a line."""
        return int(self.order(number).lines.get(upc=name).pk)

    def order(self, number: str) -> Any:
        """Return Oscar's order."""
        from oscar.core.loading import get_model

        return get_model("order", "Order").objects.get(number=number)

    def kept(self, number: str) -> dict[str, Any]:
        """Return what Oscar and eldermall keep of an order."""
        order = self.order(number)
        sources = list(order.sources.all())
        return {
            "status": order.status,
            "total": int(order.total_incl_tax * 100),
            "debited": int(sum(s.amount_debited for s in sources) * 100),
            "refunded": int(sum(s.amount_refunded for s in sources) * 100),
            "events": order.shipping_events.count(),
            "allocated": {
                line.upc: line.stockrecord.num_allocated for line in order.lines.all()
            },
            "parts": {
                seller: record.model_dump() | {"worth": record.worth, "summary": record.summary}
                for seller, record in self._records(number)
            },
        }

    def _records(self, number: str) -> Iterator[tuple[str, Any]]:
        with self.mall.read() as tx:
            rows = tx.find("order")
        for row in rows:
            group, _, seller = row.id.partition(".")
            if group == number:
                yield seller, self.mall.orders.get(row.id)

    def counted(self) -> dict[str, int]:
        """Return how many orders each keeps, and whether the journal is sound."""
        from oscar.core.loading import get_model

        with self.mall.read() as tx:
            parts = len(tx.find("order"))
        found = self.mall.verify()
        return {
            "orders": get_model("order", "Order").objects.count(), "parts": parts,
            "sound": int(found.passed),
        }

    def entries(self, id: str) -> list[tuple[str, str]]:
        """Return what happened to a part."""
        return [(e["what"], e["outcome"]) for e in self.mall.journal("order", id)]

    def completed(self, id: str) -> None:
        """Let the customer complete a part."""
        from eldermall import person

        record = self.mall.orders.get(id)
        self.mall.orders.complete(id, by=person(record.customer, "customer"))

    def sent_back(self, number: str, goods: dict[str, int]) -> list[str]:
        """Return goods, and take the cases to where the money is due; return the cases."""
        from market.mall import returned, shop

        from eldermall import person

        order = self.order(number)
        lines = {order.lines.get(upc=name): quantity for name, quantity in goods.items()}
        shop.moved(lambda m: returned(m, f"R{number}", order, lines))
        by = person(f"user.{self.staff.pk}", "operations", department="operations")
        with self.mall.read() as tx:
            cases = [row.id for row in tx.find("case") if row.id.startswith(f"R{number}.")]
        for id in cases:
            cases_ = self.mall.cases
            cases_.contact(id, note="called", by=by)
            cases_.record(id, ground="no_reason", item_state="unused", wish="money", by=by)
            cases_.contact_merchant(id, note="called", by=by)
            cases_.approve(id, by=by)
            cases_.send_back(id, by=by)
            cases_.receive(id, outcome="ok", by=by)
        return cases

    def relayed(self) -> str:
        """Tell the outside what is due."""
        return str(self.mall.relay())


def sent(client: Any, path: str, **fields: Any) -> None:
    """Send a form; it must lead on."""
    answer = client.post(path, fields)
    assert answer.status_code == 302, (path, answer.context and answer.context.get("form").errors)


def answer(pipe: Connection, url: str, eldermall: bool) -> None:
    """Do what is asked until nothing more is."""
    try:
        market = Market(url, eldermall=eldermall)
        pipe.send(("ready", None))
        while asked := pipe.recv():
            name, given, more = asked
            try:
                pipe.send(("done", getattr(market, name)(*given, **more)))
            except Exception as error:  # noqa: BLE001
                import traceback

                pipe.send(("failed", f"{error!r}\n{traceback.format_exc()}"))
    except EOFError:
        return
    finally:
        with suppress(Exception):
            from django.db import connections

            connections.close_all()


Ask = Callable[..., Any]


@contextmanager
def opened(url: str, *, eldermall: bool = True) -> Iterator[Ask]:
    """Open the shop at ``url``; give what asks it, by name of a method."""
    ours, theirs = APART.Pipe()
    process = APART.Process(target=answer, args=(theirs, url, eldermall))
    process.start()
    theirs.close()

    def ask(name: str, *given: Any, **more: Any) -> Any:
        if name:
            ours.send((name, given, more))
        said, what = ours.recv()
        assert said != "failed", what
        return what

    try:
        ask("")
        yield ask
    finally:
        with suppress(OSError):
            ours.send(None)
        ours.close()
        process.join(60)
