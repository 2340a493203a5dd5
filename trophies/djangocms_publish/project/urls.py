"""The views are all django CMS's own."""

from django.contrib import admin
from django.http import HttpResponse
from django.urls import include, path

urlpatterns = [
    path("healthz", lambda request: HttpResponse()),
    path("admin/", admin.site.urls),
    path("", include("cms.urls")),
]
