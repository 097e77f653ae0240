"""Pure decisions: columns in, columns out. No I/O, no ORM, no web."""
