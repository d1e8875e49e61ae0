"""One module per channel, named as its addresses begin: `log:` is `log`."""
