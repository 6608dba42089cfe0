INSTALLED_APPS = ["django.contrib.staticfiles", "orders"]
ROOT_URLCONF = "site.urls"
