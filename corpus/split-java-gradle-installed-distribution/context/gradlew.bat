@rem Gradle startup script for Windows
