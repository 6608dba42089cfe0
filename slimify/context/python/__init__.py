"""What a build context tells of a Python application. Nothing in it is imported or run.

Every reader takes a `BuildContext` and paths inside it, is bounded in time and memory whatever the
files hold, and never raises: what it could not read stands among the `problems` of its result.
"""
