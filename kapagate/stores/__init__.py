"""Where state is kept: memory and SQLite behind the ports of the rooms below."""
