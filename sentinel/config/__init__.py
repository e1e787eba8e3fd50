"""Settings: their sources, their bounds, the typed terms derived from them, and the network files."""
