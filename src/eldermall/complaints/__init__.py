"""Complaints: recorded in the complainant's words, answered in time, or carried upwards."""
