"""Eldermall's tables."""

from __future__ import annotations

from django.db import migrations, models

import ledger.models


class Migration(migrations.Migration):
    """The first."""

    initial = True

    dependencies = ()

    operations = (
        migrations.CreateModel(
            name="Entry",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "mall",
                        "subject",
                        "seq",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("mall", ledger.models.Word(max_length=64)),
                ("subject", ledger.models.Word(max_length=100)),
                ("seq", models.BigIntegerField()),
                ("hash", models.BinaryField()),
                ("body", models.BinaryField()),
            ],
        ),
        migrations.CreateModel(
            name="Pack",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "mall",
                        "hash",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("mall", ledger.models.Word(max_length=64)),
                ("hash", ledger.models.Word(max_length=64)),
                ("body", models.BinaryField()),
            ],
        ),
        migrations.CreateModel(
            name="Root",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "mall",
                        "number",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("mall", ledger.models.Word(max_length=64)),
                ("number", models.BigIntegerField()),
                ("hash", models.BinaryField()),
                ("body", models.BinaryField()),
            ],
        ),
        migrations.CreateModel(
            name="Unsealed",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "mall",
                        "subject",
                        "seq",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("mall", ledger.models.Word(max_length=64)),
                ("subject", ledger.models.Word(max_length=100)),
                ("seq", models.BigIntegerField()),
                ("hash", models.BinaryField()),
            ],
        ),
        migrations.CreateModel(
            name="Clock",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "mall",
                        "subject",
                        "name",
                        "part",
                        "started",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("mall", ledger.models.Word(max_length=64)),
                ("subject", ledger.models.Word(max_length=100)),
                ("name", ledger.models.Word(max_length=80)),
                ("part", ledger.models.Word(max_length=64)),
                ("started", models.BigIntegerField()),
                ("limit", models.BigIntegerField()),
                ("counting", ledger.models.Word(max_length=16)),
                ("due", models.BigIntegerField()),
                ("next", models.BigIntegerField(null=True)),
                ("stage", models.IntegerField()),
                ("state", ledger.models.Word(max_length=16)),
                ("stopped", models.BigIntegerField(null=True)),
                ("pack", ledger.models.Word(max_length=64)),
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=["mall", "next", "subject", "name", "part"], name="ledger_clock_next"
                    ),
                    models.Index(
                        fields=["mall", "state", "due", "subject", "name", "part"],
                        name="ledger_clock_due",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Indexed",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "mall",
                        "kind",
                        "id",
                        "name",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("mall", ledger.models.Word(max_length=64)),
                ("kind", ledger.models.Word(max_length=32)),
                ("id", ledger.models.Word(max_length=64)),
                ("name", ledger.models.Word(max_length=64)),
                ("value", ledger.models.Word(max_length=64)),
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=["mall", "kind", "name", "value", "id"], name="ledger_indexed_value"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Key",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "mall",
                        "command",
                        "key",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("mall", ledger.models.Word(max_length=64)),
                ("command", ledger.models.Word(max_length=80)),
                ("key", ledger.models.Word(max_length=64)),
                ("salt", models.BinaryField()),
                ("fingerprint", models.BinaryField()),
                ("subject", ledger.models.Word(max_length=100)),
                ("created", models.BigIntegerField()),
            ],
            options={
                "indexes": [
                    models.Index(fields=["mall", "created"], name="ledger_key_created"),
                    models.Index(fields=["mall", "subject"], name="ledger_key_subject"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Leaf",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "mall",
                        "number",
                        "subject",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("mall", ledger.models.Word(max_length=64)),
                ("number", models.BigIntegerField()),
                ("subject", ledger.models.Word(max_length=100)),
                ("seq", models.BigIntegerField()),
                ("hash", models.BinaryField()),
            ],
            options={
                "indexes": [
                    models.Index(fields=["mall", "subject", "seq"], name="ledger_leaf_subject")
                ],
            },
        ),
        migrations.CreateModel(
            name="Message",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "mall", "id", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("mall", ledger.models.Word(max_length=64)),
                ("id", ledger.models.Word(max_length=130)),
                ("topic", ledger.models.Word(max_length=16)),
                ("body", models.BinaryField()),
                ("created", models.BigIntegerField()),
                ("next", models.BigIntegerField(null=True)),
                ("state", ledger.models.Word(max_length=16)),
                ("attempts", models.IntegerField()),
                ("reason", ledger.models.Word(max_length=500)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["mall", "next", "id"], name="ledger_message_next"),
                    models.Index(
                        fields=["mall", "state", "created", "id"], name="ledger_message_state"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Personal",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "mall",
                        "subject",
                        "seq",
                        "path",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("mall", ledger.models.Word(max_length=64)),
                ("subject", ledger.models.Word(max_length=100)),
                ("seq", models.BigIntegerField()),
                ("path", ledger.models.Word(max_length=100)),
                ("purpose", ledger.models.Word(max_length=64)),
                ("salt", models.BinaryField()),
                ("value", models.BinaryField()),
                ("recorded", models.BigIntegerField()),
            ],
            options={
                "indexes": [
                    models.Index(fields=["mall", "recorded"], name="ledger_personal_recorded")
                ],
            },
        ),
        migrations.CreateModel(
            name="Record",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "mall",
                        "kind",
                        "id",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("mall", ledger.models.Word(max_length=64)),
                ("kind", ledger.models.Word(max_length=32)),
                ("id", ledger.models.Word(max_length=64)),
                ("version", models.BigIntegerField()),
                ("open", models.BooleanField()),
                ("pack", ledger.models.Word(max_length=64)),
                ("indexed", models.JSONField()),
                ("body", models.BinaryField()),
            ],
            options={
                "indexes": [
                    models.Index(fields=["mall", "kind", "open", "id"], name="ledger_record_open"),
                    models.Index(
                        fields=["mall", "kind", "pack", "open"], name="ledger_record_pack"
                    ),
                ],
            },
        ),
    )
