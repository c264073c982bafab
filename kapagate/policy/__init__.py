"""Policy files: YAML with positions, models, layers, and the generation that they become."""
