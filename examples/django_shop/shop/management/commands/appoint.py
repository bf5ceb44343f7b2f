"""``manage.py appoint USERNAME``: a user becomes staff, designated for orders."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from eldermall import person
from shop.mall import moving


class Command(BaseCommand):
    """Both happen in one transaction."""

    help = "让用户成为订单环节的指定人员 / Designate a user for orders"

    def add_arguments(self, parser: Any) -> None:
        """Take the user's name."""
        parser.add_argument("username")

    def handle(self, *_: Any, username: str, **__: Any) -> None:
        """Appoint."""
        leader = person("leader", "company_leader", department="board")
        with moving() as m:
            if not get_user_model().objects.filter(username=username).update(is_staff=True):
                raise CommandError(f"没有用户 {username} / there is no user {username}")
            m.designations.appoint("order", username, by=leader)
