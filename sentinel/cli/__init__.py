"""The commands, thin: each reads settings, asks one part, prints. Heavy parts are imported when one needs them."""
