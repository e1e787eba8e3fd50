"""Environment -> settings -> typed terms; the network files; what a reload may change."""
