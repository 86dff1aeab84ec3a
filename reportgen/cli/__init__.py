"""The command `reportgen`: one file a subcommand."""
