"""An order with a finite state machine as its status, and the trail of its transitions."""

from django.conf import settings
from django.db import models
from django_fsm import ConcurrentTransitionMixin, FSMField, transition

GUARD = (ConcurrentTransitionMixin,) if settings.CONCURRENT_TRANSITIONS else ()


class Order(*GUARD, models.Model):
    """@transition checks the status in memory. With the mixin, save() sends UPDATE ... WHERE status = the old one."""

    status = FSMField(default="draft", protected=True)

    @transition(field=status, source="draft", target="submitted")
    def submit(self) -> None:
        """The state machine moves the status; nothing else to do."""

    @transition(field=status, source="submitted", target="approved")
    def approve(self) -> None:
        """As above."""

    @transition(field=status, source="approved", target="shipped")
    def ship(self) -> None:
        """As above."""

    @transition(field=status, source=["draft", "submitted"], target="cancelled")
    def cancel(self) -> None:
        """As above."""


class Event(models.Model):
    order = models.ForeignKey(Order, on_delete=models.CASCADE)
    old = models.CharField(max_length=20)
    new = models.CharField(max_length=20)
