"""What past facts say beside the two predictions: offers, channels, groups, drivers, hints."""
