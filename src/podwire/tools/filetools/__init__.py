"""Commands of coreutils, grep and sed on the files of a place: ``tools.tree`` says what is there."""
