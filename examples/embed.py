from functools import partial

from eldermall import Mall, Refused, person, system

LEADER = person("lin", "company_leader", department="board")
OPERATIONS = person("olivia", "operations", department="operations")
CUSTOMER = person("li", "customer")
LINE = {"id": "tea", "listing": "green-tea", "quantity": 1, "amount": 6800}

with Mall.open("memory:", policy="pack:demo") as mall:
    mall.designations.appoint("order", OPERATIONS.id, by=LEADER)
    mall.orders.place("A1", customer=CUSTOMER.id, lines=[LINE], total=6800, by=CUSTOMER)
    mall.orders.hand_over("A1", to=OPERATIONS.id, by=OPERATIONS)
    mall.orders.accept("A1", by=OPERATIONS)
    parcel = partial(mall.orders.ship, "A1", parcel="P1", courier="SF", tracking="SF1001")
    try:
        parcel(lines={"tea": 1}, by=OPERATIONS)
    except Refused as refused:
        print(refused)
    mall.orders.paid("A1", 6800, "pay-1", by=system("payments"))
    print(parcel(lines={"tea": 1}, by=OPERATIONS).summary)
