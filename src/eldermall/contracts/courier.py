"""What a courier plugin answers: where a parcel is, in the words of sixteen statuses.

Couriers say the same things in many codes. A plugin maps each of its courier's codes to one of the
statuses here and keeps the code beside it; a code that it doesn't know is ``unknown``, never a
guess and never an error. That nothing is known of a parcel yet is an answer too (``no_data``).
Couriers send their news twice and out of order; whoever takes them in sorts and drops.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol, get_args, runtime_checkable

from eldermall.calendars import microseconds
from eldermall.errors import Invalid
from eldermall.texts import Text

TrackingStatus = Literal[
    "pending", "info_received", "picked_up", "in_transit", "on_hold", "out_for_delivery",
    "ready_for_pickup", "delivered", "delivery_failed", "delivery_delayed", "return_to_sender",
    "returned", "refused", "lost", "cancelled", "unknown",
]
STATUSES: tuple[TrackingStatus, ...] = get_args(TrackingStatus)

CourierResult = Literal[
    "ok", "no_data", "not_found", "auth", "rate_limited", "transient", "permanent"
]
RESULTS: tuple[CourierResult, ...] = get_args(CourierResult)


@dataclass(frozen=True, slots=True)
class TrackingEvent:
    """One thing that happened to a parcel, as the courier says.

    Args:
        status: what it means.
        at: when it happened, aware.
        code: the courier's own code.
        text: the courier's own words. May name persons.
        location: where, in the courier's words.
        reference: the courier's id of the event, empty if it has none. Two events of a parcel
            with one reference are one, told twice.
        way: how it was handed over, by the shop's name of it (door, locker ...); empty if the
            courier doesn't say.

    Raises:
        Invalid: the status is none of `STATUSES`, or the time has no zone.
    """

    status: TrackingStatus
    at: datetime
    code: str = ""
    text: str = ""
    location: str = ""
    reference: str = ""
    way: str = ""

    def __post_init__(self) -> None:
        _one_of(self.status, STATUSES, "TrackingEvent.status")
        microseconds(self.at, "TrackingEvent.at")


@dataclass(frozen=True, slots=True)
class Parcel:
    """A parcel that a courier is asked about.

    Args:
        tracking: the courier's number of it.
        carrier: who carries it, as the shop calls them.
        phone: the last digits of the phone that some couriers ask for; empty if not known.
        order: the id of the order that it belongs to, for the plugin's own log.
    """

    tracking: str
    carrier: str
    phone: str = ""
    order: str = ""


@dataclass(frozen=True, slots=True)
class Tracked:
    """What a courier answered about a parcel.

    Args:
        result: ``ok``; ``no_data``, nothing is known yet; ``not_found``, the courier says there is
            no such parcel; ``auth``, our key or signature is wrong; ``rate_limited``, asked too
            often; ``transient``, ask again; ``permanent``, asking again is no use.
        events: all that is known, in any order; only with ``ok``.
        reason: why not, for staff; holds no key and no phone number.
        code: the courier's own code of the failure.
        wait: seconds after which to ask again, None if the courier doesn't say.

    Raises:
        Invalid: the result is none of `RESULTS`, or there are events with another than ``ok``.
    """

    result: CourierResult
    events: tuple[TrackingEvent, ...] = ()
    reason: str = ""
    code: str = ""
    wait: int | None = None

    def __post_init__(self) -> None:
        _one_of(self.result, RESULTS, "Tracked.result")
        if self.events and self.result != "ok":
            raise Invalid(
                "Tracked.events", len(self.events),
                Text("只有结果为 ok 时才有事件", "there are events only with the result ok"),
            )


@dataclass(frozen=True, slots=True)
class Push:
    """What a courier has sent by itself.

    Args:
        result: ``ok``; ``auth`` if the signature is wrong; ``permanent`` if it can't be read.
        parcels: the events of each tracking number.
        reply: the bytes that the courier wants to hear, so that it doesn't send this again.
        reason: why not, for staff.

    Raises:
        Invalid: the result is none of `RESULTS`, or there are parcels with another than ``ok``.
    """

    result: CourierResult
    parcels: Mapping[str, tuple[TrackingEvent, ...]]
    reply: bytes = b""
    reason: str = ""

    def __post_init__(self) -> None:
        _one_of(self.result, RESULTS, "Push.result")
        if self.parcels and self.result != "ok":
            raise Invalid(
                "Push.parcels", len(self.parcels),
                Text("只有结果为 ok 时才有包裹", "there are parcels only with the result ok"),
            )


@dataclass(frozen=True, slots=True)
class Urged:
    """What a courier answered to an urging.

    Args:
        result: as of `Tracked`; ``ok`` if the courier has taken it.
        reference: the courier's number of the case.
        reason: why not, for staff.

    Raises:
        Invalid: the result is none of `RESULTS`.
    """

    result: CourierResult
    reference: str = ""
    reason: str = ""

    def __post_init__(self) -> None:
        _one_of(self.result, RESULTS, "Urged.result")


@dataclass(frozen=True, slots=True)
class CourierCapabilities:
    """What a courier plugin can do beyond `Courier.track`. All off unless it says so.

    Args:
        push: it reads what the courier sends by itself (`ReadsPushes`).
        urge: it can urge the courier on (`Urges`).
        phone: the courier wants the last digits of a phone.
        location: its events say where.
        interval: seconds that must lie between two questions about one parcel; 0 for none.
    """

    push: bool = False
    urge: bool = False
    phone: bool = False
    location: bool = False
    interval: int = 0


class Courier(Protocol):
    """A courier, or a service that asks many couriers. Shared by threads."""

    @property
    def capabilities(self) -> CourierCapabilities:
        """What it can do beyond the contract."""
        ...

    def track(self, parcel: Parcel) -> Tracked:
        """Return what is known of a parcel. An answer of HTTP 200 may hold a failure inside."""
        ...


@runtime_checkable
class ReadsPushes(Protocol):
    """A courier that sends news by itself; its plugin's capabilities say ``push``."""

    def read_push(self, body: bytes, headers: Mapping[str, str]) -> Push:
        """Check the signature of what came in, and return what it says.

        Args:
            body: the bytes as they came; a signature is over these and no others.
            headers: the request's headers, their names in small letters.
        """
        ...


@runtime_checkable
class Urges(Protocol):
    """A courier that can be urged on; its plugin's capabilities say ``urge``."""

    def urge(self, parcel: Parcel, text: str) -> Urged:
        """Ask the courier to hurry a parcel, or to say where it is."""
        ...


def _one_of(value: str, allowed: tuple[str, ...], where: str) -> None:
    if value not in allowed:
        raise Invalid(
            where, value,
            Text("应为下列之一：" + "、".join(allowed), "must be one of " + ", ".join(allowed)),
        )
