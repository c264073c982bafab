"""What is kept of every exchange: the record, its place, and the port to where records are kept."""
