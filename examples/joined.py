from tempfile import TemporaryDirectory

from sqlalchemy import create_engine, text

from eldermall import Mall, person

CUSTOMER = person("li", "customer")
LINE = {"id": "tea", "listing": "green-tea", "quantity": 1, "amount": 6800}

with TemporaryDirectory() as folder:
    url = f"sqlite:///{folder}/shop.db"
    engine = create_engine(url)
    with Mall.open(url, policy="pack:demo") as mall:
        with engine.begin() as c, mall.joined(c) as m:
            c.execute(text("CREATE TABLE carts (id TEXT)"))
            m.orders.place("A1", customer=CUSTOMER.id, lines=[LINE], total=6800, by=CUSTOMER)
        with engine.connect() as c, c.begin() as transaction, mall.joined(c) as m:
            m.orders.place("A2", customer=CUSTOMER.id, lines=[LINE], total=6800, by=CUSTOMER)
            transaction.rollback()
        print(mall.orders.get("A1").summary, len(mall.journal("order", "A2")))
    engine.dispose()
