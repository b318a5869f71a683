"""The store: people, the journal and spent transactions, in one SQLite file that a kill or a full disk cannot spoil."""
