"""The views are all Wagtail's own admin."""

from django.http import HttpResponse
from django.urls import include, path
from wagtail.admin import urls

urlpatterns = [path("healthz", lambda request: HttpResponse()), path("admin/", include(urls))]
