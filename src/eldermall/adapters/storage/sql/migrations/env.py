"""Runs migrations on the connection that the storage hands over, inside its transaction."""

from alembic import context

_attributes = context.config.attributes

context.configure(
    connection=_attributes["connection"],
    version_table=_attributes["prefix"] + "schema",
    transactional_ddl=False,
)
context.run_migrations(prefix=_attributes["prefix"])
