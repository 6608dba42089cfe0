import toml

from flask import Flask
