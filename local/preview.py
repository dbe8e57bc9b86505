"""`make preview`: every message as text, as Slack's blocks, and as people see it, on one page: build/preview/index.html.

docs/preview.png is a screenshot of build/preview/picture.html, 1710 by 1306.
"""

from __future__ import annotations

import json

from local import preview_page, template
from local.samples import kept, messages
from nodewarden.slack.document import change_id, read
from nodewarden.slack.render import render

FOLDER = template.ROOT / "build/preview"


def main() -> None:
    """Write the texts, the blocks and the page."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    shown = {}
    for name, message in messages().items():
        body = json.loads(message.bodies())["default"]
        document = read(message.subject, body)
        blocks = render(document, change_id(document, "preview"), interactive=True)
        (FOLDER / f"{name}.txt").write_text(kept(message), "utf-8")
        (FOLDER / f"{name}.blocks.json").write_text(json.dumps(blocks, indent=2, ensure_ascii=False) + "\n", "utf-8")
        shown[name] = (message, blocks)
    (FOLDER / "picture.html").write_text(
        preview_page.picture(shown["closed"], shown["rollout-awaiting-approval"]), "utf-8"
    )
    page = FOLDER / "index.html"
    page.write_text(preview_page.page(shown), "utf-8")
    print(f"{len(shown)} messages: {page}")


if __name__ == "__main__":
    main()
