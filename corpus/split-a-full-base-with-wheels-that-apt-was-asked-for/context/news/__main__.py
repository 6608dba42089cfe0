import sys

from bs4 import BeautifulSoup
from lxml import etree

titles = etree.parse(sys.stdin.buffer).xpath("//item/title/text()")
print("\n".join(BeautifulSoup(title, "lxml").get_text() for title in titles))
