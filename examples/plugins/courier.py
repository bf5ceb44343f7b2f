"""A courier of one's own: where a parcel is, asked from the server of Swift Post."""

import json
import os
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote
from urllib.request import urlopen

from eldermall import hookimpl
from eldermall.contracts import courier
from eldermall.contracts.courier import Parcel, Tracked, TrackingEvent
from eldermall.contracts.plugin import About

STATUSES: Mapping[str, courier.TrackingStatus] = {
    "10": "picked_up", "20": "in_transit", "30": "out_for_delivery", "40": "delivered",
    "51": "return_to_sender", "52": "returned",
}
FAILURES: Mapping[str, courier.CourierResult] = {
    "401": "auth", "404": "not_found", "429": "rate_limited", "500": "transient",
}


class SwiftPost:
    capabilities = courier.CourierCapabilities(location=True, interval=1800)

    def __init__(self, url: str) -> None:
        self.url = url

    def track(self, parcel: Parcel) -> Tracked:
        try:
            with urlopen(f"{self.url}/{quote(parcel.tracking)}", timeout=10) as reply:
                said: dict[str, Any] = json.load(reply)
        except (OSError, ValueError) as error:
            return Tracked("transient", reason=type(error).__name__)
        if said["code"] != "0":  # a failure inside a reply of HTTP 200
            result = FAILURES.get(said["code"], "permanent")
            return Tracked(result, code=said["code"], reason=said["message"])
        return Tracked("ok" if said["steps"] else "no_data", tuple(map(event, said["steps"])))


def event(step: Mapping[str, str]) -> TrackingEvent:
    status = STATUSES.get(step["code"], "unknown")
    at = datetime.fromisoformat(step["time"])
    return TrackingEvent(status, at, step["code"], step["text"], step["place"])


about = About(capabilities={"courier": SwiftPost.capabilities})


@hookimpl
def eldermall_courier(name: str) -> SwiftPost | None:
    return SwiftPost(os.environ["SWIFT_POST_URL"]) if name == "swift" else None
