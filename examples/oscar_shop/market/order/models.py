"""Oscar's own models, and no others."""

from oscar.apps.order.models import *  # noqa: F403
