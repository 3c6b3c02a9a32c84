"""Entry point of `python -m apientreprise_gateway`."""

from apientreprise_gateway.cli.main import main

if __name__ == "__main__":
    main()
