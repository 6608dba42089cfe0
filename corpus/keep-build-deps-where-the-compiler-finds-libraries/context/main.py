import ctypes.util

if ctypes.util.find_library("zbar") is None:
    raise SystemExit("no zbar")
