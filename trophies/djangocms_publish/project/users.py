"""The header X-User logs in, by Django's own RemoteUserMiddleware; each user is a superuser."""

from django.contrib.auth.backends import RemoteUserBackend
from django.contrib.auth.middleware import RemoteUserMiddleware


class HeaderUser(RemoteUserMiddleware):
    header = "HTTP_X_USER"


class Superuser(RemoteUserBackend):
    def configure_user(self, request, user, created=True):
        user.is_superuser = user.is_staff = True
        user.save()
        return user
