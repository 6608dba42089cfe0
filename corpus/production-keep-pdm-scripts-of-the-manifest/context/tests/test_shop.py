import pytest

from shop import app
