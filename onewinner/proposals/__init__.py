"""A target file proposed from an OpenAPI document: read leniently, searched for workflows, written with comments."""
