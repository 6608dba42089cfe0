"""The command line."""

import click
from bs4 import BeautifulSoup
from lxml import etree


@click.command()
@click.argument("path")
def main(path: str) -> None:
    """Print the titles in a feed, without their markup."""
    for item in etree.parse(path).iterfind(".//item"):
        click.echo(BeautifulSoup(item.findtext("title"), "lxml").get_text())


main()
