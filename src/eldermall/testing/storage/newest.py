"""When something was written last, as a storage knows it."""

from __future__ import annotations

from typing import cast

from eldermall.contracts.storage import Dated, Storage
from eldermall.testing.case import group
from eldermall.testing.storage.cases import StorageCases
from eldermall.testing.storage.rows import LAST, MESSAGE_STATES, message
from eldermall.testing.storage.threads import MALL

newest = group("最近的时刻", "the newest moment")


def last(storage: Storage, upto: int = LAST, mall: str = MALL) -> int | None:
    """Return when the newest message up to a moment was made."""
    with storage.read(mall) as tx:
        return cast(Dated, tx).newest(upto)


class NewestCases(StorageCases):
    """The cases about when something was written last."""

    @newest("给出截至某一时刻最近的消息产生时间，无论消息处于何种状态", needs="newest")
    def test_newest(self, storage: Storage) -> None:
        """The newest moment up to another is that of any message, whatever became of it."""
        assert last(storage) is None
        made = {10 * n: state for n, state in enumerate(MESSAGE_STATES, 1)}
        with storage.write(MALL) as tx:
            tx.enqueue(
                [
                    message(
                        f"M{at}", created=at, state=state, next=5 if state == "pending" else None
                    )
                    for at, state in made.items()
                ]
            )
            assert cast(Dated, tx).newest(LAST) == max(made)
        for at in made:
            assert last(storage, at) == at
            assert last(storage, at + 9) == at
        assert last(storage, min(made) - 1) is None

    @newest("最近的时刻按商城区分", needs="newest")
    def test_newest_belongs_to_mall(self, storage: Storage) -> None:
        """The newest moment of one mall says nothing of another."""
        with storage.write(MALL) as tx:
            tx.enqueue([message("A", created=7)])
        with storage.write("other") as tx:
            tx.enqueue([message("A", created=9)])
        assert (last(storage), last(storage, mall="other")) == (7, 9)
        assert last(storage, mall="third") is None
