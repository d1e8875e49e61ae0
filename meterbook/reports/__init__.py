"""Reports. Own: statements as files for other programs. Do not own: any figure in them."""
