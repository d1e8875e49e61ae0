"""One module per kind of condition: what it watches, what it remembers, when it raises and clears."""
