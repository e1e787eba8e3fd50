"""The agent: from a market state to proposed actions, in thoughts and code actions."""
