"""All bakes of a workspace as the journal screen and its commands show them: searched, compared, followed back to their parents."""
