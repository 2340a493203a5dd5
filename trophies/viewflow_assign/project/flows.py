"""The first flow of viewflow's documentation: a start, one human task, an end. Stock nodes and stock views."""

import os

from viewflow import this
from viewflow.workflow import flow, lock
from viewflow.workflow.flow.views import CreateProcessView, UpdateProcessView


class HelloFlow(flow.Flow):
    # Without the variable the default of the library: lock.no_lock.
    if "FLOW_LOCK" in os.environ:
        lock_impl = getattr(lock, os.environ["FLOW_LOCK"])

    start = flow.Start(CreateProcessView.as_view(fields=[])).Annotation(title="Ask").Next(this.approve)
    approve = flow.View(UpdateProcessView.as_view(fields=[])).Annotation(title="Approve").Next(this.end)
    end = flow.End()
