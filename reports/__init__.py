"""The judge: history -> checks -> verdict -> documents."""
