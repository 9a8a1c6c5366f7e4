"""The order of things: facts arrive and are kept, what is due is rendered, what was rendered is read."""
