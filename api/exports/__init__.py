"""Bulk exports over HTTP and from the command line: the score feed as a whole, streamed."""
