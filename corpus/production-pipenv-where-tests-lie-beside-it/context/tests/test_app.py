import pylint
