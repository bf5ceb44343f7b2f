"""Settings of the shop. ``SHOP_DATABASE`` names the database, ``SHOP_POLICY`` the policy.

``SHOP_ELDERMALL=0`` is the same shop without eldermall, which the benchmark measures beside it.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from oscar.defaults import *  # noqa: F403


def database(url: str) -> dict[str, Any]:
    """Return Django's settings for ``postgresql://user:password@host/name`` or ``sqlite:///file``."""
    parts = urlsplit(url)
    more = dict(parse_qsl(parts.query))
    if parts.scheme == "sqlite":
        options = {"transaction_mode": "IMMEDIATE"} | more
        engine = "sqlite3"
    else:
        engine, options = "postgresql", more
    return {
        "ENGINE": f"django.db.backends.{engine}",
        "NAME": unquote(parts.path[1:]),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
        "OPTIONS": options,
    }


URL = os.environ.get("SHOP_DATABASE", "sqlite:///oscar_shop.db")
DATABASES = {"default": database(URL)}
ELDERMALL = os.environ.get("SHOP_ELDERMALL", "1") == "1"
ELDERMALL_URL = URL.replace("postgresql:", "postgresql+psycopg:")
ELDERMALL_POLICY = os.environ.get("SHOP_POLICY", "pack:demo")

SECRET_KEY = os.environ.get("SHOP_SECRET_KEY", "only for trying out")
DEBUG = os.environ.get("SHOP_DEBUG") == "1"
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "testserver"]
ROOT_URLCONF = "market.urls"
SITE_ID = 1
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"  # as Oscar's migrations have it
USE_TZ = True
TIME_ZONE = "Asia/Shanghai"
LANGUAGES = [("zh-cn", "中文"), ("en-gb", "English")]
LANGUAGE_CODE = "zh-cn"
STATIC_URL = "/static/"
MEDIA_URL = "/media/"
MEDIA_ROOT = Path(__file__).parent.parent / "media"
EMAIL_BACKEND = os.environ.get("SHOP_MAIL", "django.core.mail.backends.console.EmailBackend")

OSCAR_SHOP_NAME = "暖阳商城"
OSCAR_DEFAULT_CURRENCY = "CNY"
OSCAR_ALLOW_ANON_CHECKOUT = True  # guests
OSCAR_INITIAL_ORDER_STATUS = "placed"
OSCAR_ORDER_STATUS_PIPELINE = {"placed": ("accepted", "cancelled"), "accepted": ("cancelled",)}
OSCAR_EAGER_ALERTS = False  # no mail inside a transaction that may be made again

MIGRATION_MODULES = {
    "order": "oscar.apps.order.migrations", "shipping": "oscar.apps.shipping.migrations",
}
INSTALLED_APPS = [
    "django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes",
    "django.contrib.sessions", "django.contrib.messages", "django.contrib.staticfiles",
    "django.contrib.sites", "django.contrib.flatpages",
    "oscar.config.Shop",
    "oscar.apps.analytics.apps.AnalyticsConfig",
    f"market.{'checkout' if ELDERMALL else 'till'}.apps.CheckoutConfig",
    "oscar.apps.address.apps.AddressConfig",
    "market.shipping.apps.ShippingConfig",
    "oscar.apps.catalogue.apps.CatalogueConfig",
    "oscar.apps.catalogue.reviews.apps.CatalogueReviewsConfig",
    "oscar.apps.communication.apps.CommunicationConfig",
    "oscar.apps.partner.apps.PartnerConfig",
    "oscar.apps.basket.apps.BasketConfig",
    "oscar.apps.payment.apps.PaymentConfig",
    "oscar.apps.offer.apps.OfferConfig",
    f"{'market' if ELDERMALL else 'oscar.apps'}.order.apps.OrderConfig",
    "oscar.apps.customer.apps.CustomerConfig",
    "oscar.apps.search.apps.SearchConfig",
    "oscar.apps.voucher.apps.VoucherConfig",
    "oscar.apps.wishlists.apps.WishlistsConfig",
    "market.dashboard.apps.DashboardConfig",
    "oscar.apps.dashboard.reports.apps.ReportsDashboardConfig",
    "oscar.apps.dashboard.users.apps.UsersDashboardConfig",
    "oscar.apps.dashboard.orders.apps.OrdersDashboardConfig",
    "oscar.apps.dashboard.catalogue.apps.CatalogueDashboardConfig",
    "oscar.apps.dashboard.offers.apps.OffersDashboardConfig",
    "oscar.apps.dashboard.partners.apps.PartnersDashboardConfig",
    "oscar.apps.dashboard.pages.apps.PagesDashboardConfig",
    "oscar.apps.dashboard.ranges.apps.RangesDashboardConfig",
    "oscar.apps.dashboard.reviews.apps.ReviewsDashboardConfig",
    "oscar.apps.dashboard.vouchers.apps.VouchersDashboardConfig",
    "oscar.apps.dashboard.communications.apps.CommunicationsDashboardConfig",
    "oscar.apps.dashboard.shipping.apps.ShippingDashboardConfig",
    "widget_tweaks", "haystack", "treebeard", "sorl.thumbnail", "django_tables2",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.contrib.flatpages.middleware.FlatpageFallbackMiddleware",
    "oscar.apps.basket.middleware.BasketMiddleware",
]
AUTHENTICATION_BACKENDS = [
    "oscar.apps.customer.auth_backends.EmailBackend",
    "django.contrib.auth.backends.ModelBackend",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [Path(__file__).parent / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "oscar.apps.search.context_processors.search_form",
                "oscar.apps.checkout.context_processors.checkout",
                "oscar.apps.communication.notifications.context_processors.notifications",
                "oscar.core.context_processors.metadata",
            ]
        },
    }
]
HAYSTACK_CONNECTIONS = {"default": {"ENGINE": "haystack.backends.simple_backend.SimpleEngine"}}
