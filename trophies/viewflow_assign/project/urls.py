"""The views are all viewflow's own."""

from django.http import HttpResponse
from django.urls import path
from viewflow.urls import Site
from viewflow.workflow.flow import FlowAppViewset

from project.flows import HelloFlow

site = Site(title="Trophy", viewsets=[FlowAppViewset(HelloFlow, icon="assignment", app_name="hello")])
urlpatterns = [path("healthz", lambda request: HttpResponse()), path("", site.urls)]
