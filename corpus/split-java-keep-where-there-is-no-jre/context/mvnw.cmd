@REM Apache Maven Wrapper startup script
