"""Places where things are sold: properties, stores, counters, tills; and the nearest of them."""
