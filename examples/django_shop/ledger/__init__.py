"""Eldermall's tables as tables of a Django project: the URL ``django:ALIAS``."""
