"""Back-tests as a page to be read."""
