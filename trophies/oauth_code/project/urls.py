"""The views are all django-oauth-toolkit's own."""

from django.http import HttpResponse
from django.urls import include, path
from oauth2_provider import urls

urlpatterns = [path("healthz", lambda request: HttpResponse()), path("o/", include(urls))]
