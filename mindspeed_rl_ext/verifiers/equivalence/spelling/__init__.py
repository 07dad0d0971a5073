"""Other spellings of an answer, settled before it is read: characters, languages, sentences."""
