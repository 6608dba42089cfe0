import sys

from lxml import etree

print(etree.parse(sys.stdin.buffer).getroot().tag)
