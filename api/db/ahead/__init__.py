"""What look-ahead reads: whole subtrees of a document in one statement, lists as JSON."""
