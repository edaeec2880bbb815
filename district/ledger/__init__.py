"""The ledger: who owes whom for what members used, as transfers that are only ever added."""
