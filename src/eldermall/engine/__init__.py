"""How anything moves: machines, rules, clocks, the journal, the outbox. Knows no business noun."""
