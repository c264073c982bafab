"""How much a caller may do: rates, the cell rate algorithm, and the port to the buckets."""
