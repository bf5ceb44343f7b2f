"""Eldermall's tables. Rows are written by the storage alone: what stands in them is hashed."""

from __future__ import annotations

from typing import Any

from django.db import models


class Word(models.CharField):
    """A text that is compared and ordered by its bytes: ``A1`` and ``a1`` are two."""

    def db_parameters(self, connection: Any) -> dict[str, Any]:
        """Name the collation that goes by bytes in this database."""
        collation = "C" if connection.vendor == "postgresql" else "BINARY"
        return {**super().db_parameters(connection), "collation": collation}


class Record(models.Model):
    """A record of any kind. What it is found by stands in `Indexed`; ``indexed`` repeats it."""

    pk = models.CompositePrimaryKey("mall", "kind", "id")
    mall = Word(max_length=64)
    kind = Word(max_length=32)
    id = Word(max_length=64)
    version = models.BigIntegerField()
    open = models.BooleanField()
    pack = Word(max_length=64)
    indexed = models.JSONField()
    body = models.BinaryField()

    class Meta:
        indexes = (
            models.Index(fields=["mall", "kind", "open", "id"], name="ledger_record_open"),
            models.Index(fields=["mall", "kind", "pack", "open"], name="ledger_record_pack"),
        )


class Indexed(models.Model):
    """A field of a record that records are found by. A new field or kind needs no migration."""

    pk = models.CompositePrimaryKey("mall", "kind", "id", "name")
    mall = Word(max_length=64)
    kind = Word(max_length=32)
    id = Word(max_length=64)
    name = Word(max_length=64)
    value = Word(max_length=64)

    class Meta:
        indexes = (
            models.Index(
                fields=["mall", "kind", "name", "value", "id"], name="ledger_indexed_value"
            ),
        )


class Clock(models.Model):
    """A time limit of one subject."""

    pk = models.CompositePrimaryKey("mall", "subject", "name", "part", "started")
    mall = Word(max_length=64)
    subject = Word(max_length=100)
    name = Word(max_length=80)
    part = Word(max_length=64)
    started = models.BigIntegerField()
    limit = models.BigIntegerField()
    counting = Word(max_length=16)
    due = models.BigIntegerField()
    next = models.BigIntegerField(null=True)
    stage = models.IntegerField()
    state = Word(max_length=16)
    stopped = models.BigIntegerField(null=True)
    pack = Word(max_length=64)

    class Meta:
        indexes = (
            models.Index(
                fields=["mall", "next", "subject", "name", "part"], name="ledger_clock_next"
            ),
            models.Index(
                fields=["mall", "state", "due", "subject", "name", "part"],
                name="ledger_clock_due",
            ),
        )


class Entry(models.Model):
    """An entry of the journal, as the bytes that were hashed."""

    pk = models.CompositePrimaryKey("mall", "subject", "seq")
    mall = Word(max_length=64)
    subject = Word(max_length=100)
    seq = models.BigIntegerField()
    hash = models.BinaryField()
    body = models.BinaryField()


class Unsealed(models.Model):
    """An entry that waits for sealing."""

    pk = models.CompositePrimaryKey("mall", "subject", "seq")
    mall = Word(max_length=64)
    subject = Word(max_length=100)
    seq = models.BigIntegerField()
    hash = models.BinaryField()


class Personal(models.Model):
    """A personal value behind a commitment in an entry."""

    pk = models.CompositePrimaryKey("mall", "subject", "seq", "path")
    mall = Word(max_length=64)
    subject = Word(max_length=100)
    seq = models.BigIntegerField()
    path = Word(max_length=100)
    purpose = Word(max_length=64)
    salt = models.BinaryField()
    value = models.BinaryField()
    recorded = models.BigIntegerField()

    class Meta:
        indexes = (models.Index(fields=["mall", "recorded"], name="ledger_personal_recorded"),)


class Message(models.Model):
    """A row of the outbox."""

    pk = models.CompositePrimaryKey("mall", "id")
    mall = Word(max_length=64)
    id = Word(max_length=130)
    topic = Word(max_length=16)
    body = models.BinaryField()
    created = models.BigIntegerField()
    next = models.BigIntegerField(null=True)
    state = Word(max_length=16)
    attempts = models.IntegerField()
    reason = Word(max_length=500)

    class Meta:
        indexes = (
            models.Index(fields=["mall", "next", "id"], name="ledger_message_next"),
            models.Index(fields=["mall", "state", "created", "id"], name="ledger_message_state"),
        )


class Key(models.Model):
    """A used idempotency key."""

    pk = models.CompositePrimaryKey("mall", "command", "key")
    mall = Word(max_length=64)
    command = Word(max_length=80)
    key = Word(max_length=64)
    salt = models.BinaryField()
    fingerprint = models.BinaryField()
    subject = Word(max_length=100)
    created = models.BigIntegerField()

    class Meta:
        indexes = (
            models.Index(fields=["mall", "created"], name="ledger_key_created"),
            models.Index(fields=["mall", "subject"], name="ledger_key_subject"),
        )


class Root(models.Model):
    """A sealed root of the journal."""

    pk = models.CompositePrimaryKey("mall", "number")
    mall = Word(max_length=64)
    number = models.BigIntegerField()
    hash = models.BinaryField()
    body = models.BinaryField()


class Leaf(models.Model):
    """The last entry of one subject under a root."""

    pk = models.CompositePrimaryKey("mall", "number", "subject")
    mall = Word(max_length=64)
    number = models.BigIntegerField()
    subject = Word(max_length=100)
    seq = models.BigIntegerField()
    hash = models.BinaryField()

    class Meta:
        indexes = (models.Index(fields=["mall", "subject", "seq"], name="ledger_leaf_subject"),)


class Pack(models.Model):
    """A policy that was in force once."""

    pk = models.CompositePrimaryKey("mall", "hash")
    mall = Word(max_length=64)
    hash = Word(max_length=64)
    body = models.BinaryField()
