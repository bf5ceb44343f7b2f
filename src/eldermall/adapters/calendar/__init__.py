"""Calendars: which days people work."""
