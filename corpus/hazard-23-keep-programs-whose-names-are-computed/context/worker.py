import os
import subprocess

subprocess.run([os.environ["TOOL"], "--all"], check=True)
