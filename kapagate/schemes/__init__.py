"""The ways to say who asks, one file each: a declaration that compiles to a recogniser."""
