"""Four routes and a health check."""

from django.db import transaction
from django.http import HttpRequest, JsonResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_GET, require_POST
from django_fsm import ConcurrentTransition, TransitionNotAllowed

from orders.models import Event, Order

# After each lost race another request has moved the order, which has three moves in all.
MOVES_MAX = 4


@require_GET
def check_health(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"orders": Order.objects.count()})


@require_POST
def create(request: HttpRequest) -> JsonResponse:
    order = Order.objects.create()
    return JsonResponse({"id": order.pk, "status": order.status}, status=201)


@require_GET
def read(request: HttpRequest, number: int) -> JsonResponse:
    order = get_object_or_404(Order, pk=number)
    return JsonResponse({"id": order.pk, "status": order.status})


@require_POST
def move(request: HttpRequest, number: int, name: str) -> JsonResponse:
    """A lost race is not always a conflict: a cancel of a draft that is submitted meanwhile is still legal."""
    for _ in range(MOVES_MAX):
        order = get_object_or_404(Order, pk=number)
        old = order.status
        try:
            with transaction.atomic():
                getattr(order, name)()
                order.save()
                Event.objects.create(order=order, old=old, new=order.status)
        except TransitionNotAllowed:
            return JsonResponse({"status": old}, status=409)
        except ConcurrentTransition:
            continue
        return JsonResponse({"id": order.pk, "status": order.status})
    return JsonResponse({"error": "too busy"}, status=503)


@require_GET
def list_events(request: HttpRequest, number: int) -> JsonResponse:
    events = get_object_or_404(Order, pk=number).event_set.order_by("pk").values("old", "new")
    return JsonResponse({"events": list(events)})
