"""Entry point of `python -m apientreprise_gateway`."""

from apientreprise_gateway.cli import main

if __name__ == "__main__":
    main()
