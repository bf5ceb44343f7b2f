"""What leaves the mall: events, refunds, roots; and a storage under a name of its own."""

from pathlib import Path

from eldermall import hookimpl
from eldermall.adapters.storage.memory import MemoryStorage
from eldermall.contracts.events import CommittedEvent, RefundAnswer, RefundRequest, SealedRoot
from eldermall.contracts.storage import Storage


class Outside:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.shipped: list[str] = []

    @hookimpl
    def eldermall_committed(self, event: CommittedEvent) -> None:
        if event.name == "Shipped" and event.id not in self.shipped:
            self.shipped.append(event.id)

    @hookimpl
    def eldermall_refund(self, request: RefundRequest) -> RefundAnswer:
        order = self.folder / f"refund-{request.order}.txt"
        order.write_text(f"{request.id} {request.amount} {request.currency}\n")
        return RefundAnswer("accepted")

    @hookimpl
    def eldermall_root(self, root: SealedRoot) -> None:
        (self.folder / f"{root.mall}-{root.number}.json").write_bytes(root.body)

    @hookimpl
    def eldermall_storage(self, url: str) -> Storage | None:
        return MemoryStorage() if url == "trial:" else None
