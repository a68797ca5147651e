"""Generate the files of the repository that follow from declarations."""
