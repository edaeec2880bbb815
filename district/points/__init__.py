"""Points: earned and spent across merchants, in the same ledger as discounts."""
