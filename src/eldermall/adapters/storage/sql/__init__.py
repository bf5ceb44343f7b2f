"""SQL databases through SQLAlchemy Core: the tables, their migrations, the storage."""
