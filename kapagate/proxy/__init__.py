"""Both ends of the hop: sockets, framing, deadlines, reuse, and nothing else."""
