"""The daemon's hold on the process that signs: starting it, and starting it again."""
