"""The front door: the command line; parses, calls one function, prints."""


def main() -> None:
    """Run the command line."""
