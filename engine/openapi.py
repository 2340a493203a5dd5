def draw_document() -> dict[str, object]:
    return {}
