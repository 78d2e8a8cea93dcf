"""Operations, each with its gradient rules right above it."""
