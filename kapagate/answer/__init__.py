"""What an upstream says: events, the rules on them, and the one text window between two wires."""
