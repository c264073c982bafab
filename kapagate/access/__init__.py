"""What a caller may do: roles, permissions, and the permission of each endpoint."""
