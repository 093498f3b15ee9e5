"""`python -m cluster COMMAND [overrides]`: what `./playpen` runs."""

from cluster.command.cli import main

if __name__ == "__main__":
    main()
