"""What can be changed: payloads with `userErrors`, one file for each noun."""
