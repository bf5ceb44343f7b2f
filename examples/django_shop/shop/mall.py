"""The mall of this process, and who acts in it."""

from __future__ import annotations

import atexit
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from eldermall import Actor, Conflict, Mall, person
from eldermall.mall import Moving


@cache
def mall() -> Mall:
    """Return the mall, opened when first needed: in the worker, not in what forked it."""
    from ledger import storage

    opened = Mall.open(
        "django:default", policy=settings.ELDERMALL_POLICY, plugins=[storage], make=False
    )
    atexit.register(opened.close)
    return opened


@contextmanager
def moving() -> Iterator[Moving]:
    """Open a transaction in which the shop's rows and eldermall's are kept together, or neither."""
    opened = mall()  # before the transaction: opening may have to write a new policy
    with transaction.atomic(), opened.joined(connection) as m:
        yield m


def settle(**_: Any) -> None:
    """Write the refusals of a request once its transactions are over."""
    if mall.cache_info().currsize:
        with suppress(Conflict):  # they wait, and are written with the next thing that happens
            mall().settle()


def actor(user: Any) -> Actor:
    """Return a user of the shop as eldermall knows them."""
    if user.is_staff:
        return person(user.username, "operations", department="operations")
    return person(user.username, "customer")
