DEBUG = True
INSTALLED_APPS = ["django.contrib.auth"]
if DEBUG:
    INSTALLED_APPS += ["model_bakery"]
