"""Repeats in a header what the page behind a redirect shows: Django's messages, such as "Version published"."""

import json

from django.contrib.messages import get_messages


def tell(get_response):
    def respond(request):
        response = get_response(request)
        if response.status_code == 302:
            response["X-Told"] = json.dumps([str(message) for message in get_messages(request)])
        return response

    return respond
