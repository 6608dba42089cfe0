try:
    import tomlkit
except ImportError:
    tomlkit = None
