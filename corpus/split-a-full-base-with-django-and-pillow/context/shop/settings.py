SECRET_KEY = "only for tests"
INSTALLED_APPS = ["django.contrib.staticfiles", "shop"]
STATIC_ROOT = "/code/static"
STATIC_URL = "/static/"
WSGI_APPLICATION = "shop.wsgi.application"
