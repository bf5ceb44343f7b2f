"""``manage.py tend``: what has to run regularly, once; let cron call it every minute."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from shop.mall import sunny


class Command(BaseCommand):
    """Sweep, seal, relay."""

    help = "处理到点的时限，封存日志，发出消息 / Act on due time limits, seal, relay"

    def handle(self, *_: Any, **__: Any) -> None:
        """Do each once and say what it did."""
        for act in (sunny.mall.sweep, sunny.mall.seal, sunny.mall.relay):
            self.stdout.write(str(act()))
