"""Operations on caption files: previewed, written beside a backup, undone."""
