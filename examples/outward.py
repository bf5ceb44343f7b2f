from eldermall import Mall, hookimpl, person, system
from eldermall.contracts.events import CommittedEvent, RefundAnswer, RefundRequest


class Shop:
    @hookimpl
    def eldermall_committed(self, event: CommittedEvent) -> None:
        print(event.subject, event.name)

    @hookimpl
    def eldermall_refund(self, request: RefundRequest) -> RefundAnswer:
        print(request.id, "pay back", request.amount, request.currency)
        return RefundAnswer("accepted")


LINE = {"id": "tea", "listing": "green-tea", "quantity": 1, "amount": 6800}
CUSTOMER = person("li", "customer")
with Mall.open("memory:", policy="pack:demo", plugins=[Shop()]) as mall:
    mall.orders.place("A1", customer=CUSTOMER.id, lines=[LINE], total=6800, by=CUSTOMER)
    mall.orders.paid("A1", 6800, "pay-1", by=system("payments"))
    mall.orders.cancel("A1", reason="ordered twice", by=CUSTOMER)
    print(mall.relay())
