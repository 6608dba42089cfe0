import subprocess

subprocess.run(["pylint", "--version"], check=True)
