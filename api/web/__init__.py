"""Pages for people: our own sources here, third-party JavaScript installed by `build`."""
