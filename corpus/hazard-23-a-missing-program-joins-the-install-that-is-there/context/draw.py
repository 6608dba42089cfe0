import subprocess

subprocess.run(["dot", "-V"], check=True)
