"""A route for each transition."""

from django.urls import path

from orders import views

MOVES = ("submit", "approve", "ship", "cancel")

urlpatterns = [
    path("healthz", views.check_health),
    path("orders", views.create),
    path("orders/<int:number>", views.read),
    path("orders/<int:number>/events", views.list_events),
    *(path(f"orders/<int:number>/{name}", views.move, {"name": name}) for name in MOVES),
]
