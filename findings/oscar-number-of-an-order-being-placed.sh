#!/usr/bin/env bash
# django-oscar 4.2.1 on Django 5.2: the number of an order is an integer for whoever hears that it was placed,
# and a text for whoever reads the order.
#
# Order.number is a CharField, so one would guess a text. Oscar's generator answers 100000 plus the basket's id, and
# Django converts a value where it is stored, not on the object. So what a receiver of order_placed keeps under the
# number that it was given isn't found under the number of the same order a request later.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check django-oscar==4.2.1 django==5.2.19 \
    2> "$folder/pip.log" || { cat "$folder/pip.log"; exit 1; }
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON' 2> "$folder/warnings.log" || { cat "$folder/warnings.log"; exit 1; }
from decimal import Decimal

import django
from django.conf import settings
from oscar.defaults import *  # noqa: F403 - as Oscar's own documentation says

settings.configure(
    **{name: value for name, value in globals().items() if name.startswith("OSCAR")},
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    DEFAULT_AUTO_FIELD="django.db.models.AutoField", SECRET_KEY="none", SITE_ID=1, USE_TZ=True,
    HAYSTACK_CONNECTIONS={"default": {"ENGINE": "haystack.backends.simple_backend.SimpleEngine"}},
    INSTALLED_APPS=[
        "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions",
        "django.contrib.sites", "django.contrib.messages", "django.contrib.flatpages",
        "haystack", "treebeard", "django_tables2", "widget_tweaks",
        "oscar.apps.catalogue.reviews.apps.CatalogueReviewsConfig",
        *(
            f"oscar.apps.{name}.apps.{name.capitalize()}Config"
            for name in (
                "analytics", "checkout", "address", "shipping", "catalogue", "communication",
                "partner", "basket", "payment", "offer", "order", "customer", "search", "voucher",
                "wishlists",
            )
        ),
    ],
)
django.setup()

import oscar
from django.core.management import call_command
from oscar.apps.basket.models import Basket
from oscar.apps.order.models import Order
from oscar.apps.order.signals import order_placed
from oscar.apps.order.utils import OrderCreator, OrderNumberGenerator
from oscar.apps.partner.models import Partner, StockRecord
from oscar.apps.partner.strategy import Default
from oscar.apps.catalogue.models import Product, ProductClass
from oscar.apps.shipping.methods import Free
from oscar.core.prices import Price

call_command("migrate", verbosity=0)
kind = ProductClass.objects.create(name="tea", requires_shipping=False, track_stock=False)
tea = Product.objects.create(title="green tea", product_class=kind)
seller = Partner.objects.create(name="tea house")
StockRecord.objects.create(
    product=tea, partner=seller, partner_sku="T1", price=Decimal("68"), price_currency="CNY"
)
basket = Basket.objects.create()
basket.strategy = Default()
basket.add_product(tea, 1)

heard = []
order_placed.connect(lambda order, **_: heard.append(order.number), weak=False)
price = Price("CNY", excl_tax=Decimal("68"), incl_tax=Decimal("68"))
nothing = Price("CNY", excl_tax=Decimal(0), incl_tax=Decimal(0))
OrderCreator().place_order(
    basket=basket, total=price, shipping_method=Free(), shipping_charge=nothing,
    order_number=OrderNumberGenerator().order_number(basket), status="Pending",
)
stored = Order.objects.get().number
print(f"django-oscar {oscar.VERSION[:3]}, Django {django.get_version()}")
print(f"order_placed heard the number {heard[0]!r}, the order has {stored!r}")
print("equal:", heard[0] == stored)
assert heard == [100000 + basket.id]
assert stored == str(heard[0])
assert heard[0] != stored
PYTHON
