"""A host's Celery application for the test: one mall, driven by beat."""

from __future__ import annotations

import os
from datetime import timedelta

from celery import Celery

from eldermall import CommittedEvent, Mall, hookimpl
from eldermall.adapters.runner.celery import Every, install
from tests import shop


class Heard:
    @hookimpl
    def eldermall_committed(self, event: CommittedEvent) -> None:
        with open(os.environ["HEARD"], "a", encoding="utf-8") as file:
            file.write(event.id + "\n")


def open_mall(code: str) -> Mall:
    later = shop.Time(shop.START + timedelta(days=20))
    return shop.open_mall(os.environ["MALL"], later, code=code, plugins=[Heard()])


app = Celery("host", broker=os.environ["BROKER"])
app.conf.worker_hijack_root_logger = False
install(
    app, open_mall, malls=("main", "second"), every=Every(0.5, 0.5, 0.5, 0.5),
    queues={"second": "slow"},
)
