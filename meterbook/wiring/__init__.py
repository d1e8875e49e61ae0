"""The composition root: rooms are built and joined here, and nowhere else is the machine's clock asked."""
