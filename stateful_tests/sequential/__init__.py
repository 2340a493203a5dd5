"""Random legal and illegal sequences, compared with the model."""
