"""Listings: what the mall shows, version by version, and the review before it is shown."""
