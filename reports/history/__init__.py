"""What a run recorded: the journal, its reading, its sealing."""
