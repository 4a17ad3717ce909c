"""Data sets from a user's own files, without code: what is in them becomes vocabulary, classes, lengths and splits."""
