"""The conformance kit for storages: any `Storage` is tested without knowing its insides.

A subclass says how to get one; ``docs/conformance.md`` shows the five lines.
"""

from __future__ import annotations

from eldermall.testing.case import KIT, ConformanceWarning
from eldermall.testing.storage.backend import Backend, Host, Hosts, StorageBackend
from eldermall.testing.storage.clocks import ClockCases
from eldermall.testing.storage.database import DatabaseCases
from eldermall.testing.storage.isolation import IsolationCases
from eldermall.testing.storage.joining import JoinCases
from eldermall.testing.storage.journal import JournalCases
from eldermall.testing.storage.machine import ModelCases
from eldermall.testing.storage.newest import NewestCases
from eldermall.testing.storage.outbox import OutboxCases
from eldermall.testing.storage.records import RecordCases
from eldermall.testing.storage.sealing import SealingCases
from eldermall.testing.storage.transactions import TransactionCases
from eldermall.testing.storage.values import ValueCases
from eldermall.testing.storage.workers import WorkerCases

__all__ = [
    "KIT", "Backend", "ConformanceWarning", "Host", "Hosts", "StorageBackend",
    "StorageConformance",
]


class StorageConformance(  # pytest runs the cases of the last base first
    ModelCases, JoinCases, DatabaseCases, WorkerCases, IsolationCases, TransactionCases,
    ValueCases, NewestCases, OutboxCases, SealingCases, JournalCases, ClockCases, RecordCases,
):
    """Every case of the kit; a subclass named ``Test...`` adds the fixture ``backend``."""
