"""Settlement: what each party owes and is owed for a trading day, and whether tills say the same."""
