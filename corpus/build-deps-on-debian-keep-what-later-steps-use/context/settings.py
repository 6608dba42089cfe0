SECRET_KEY = "no secret"
DATABASES = {"default": {"ENGINE": "django.db.backends.mysql"}}
