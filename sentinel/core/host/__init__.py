"""Programs beside this one: children that never outlive us, and Anvil among them."""
