"""`python -m cluster COMMAND [overrides]`: the program behind `./playpen`."""

from cluster.command.cli import main

if __name__ == "__main__":
    main()
