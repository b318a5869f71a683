"""Where trained weights come from, one file per source."""
