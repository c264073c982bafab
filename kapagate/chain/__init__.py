"""The words and the engine: what happens to one exchange, from the request's head to the record of what was done."""
