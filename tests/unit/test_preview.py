"""The page of `make preview`: everything that people hear, as they see it, from one file."""

from __future__ import annotations

import json
import re
from html import escape
from typing import TYPE_CHECKING

import pytest

from local import preview, preview_page
from local.samples import messages

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(name="folder")
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(preview, "FOLDER", tmp_path / "preview")
    preview.main()
    return tmp_path / "preview"


def test_every_message_is_written_as_text_and_as_blocks_and_shown_four_times(folder: Path) -> None:
    page = (folder / "index.html").read_text("utf-8")

    for name, message in messages().items():
        assert message.text in (folder / f"{name}.txt").read_text("utf-8")
        assert json.loads((folder / f"{name}.blocks.json").read_text("utf-8"))["blocks"]
        (article,) = re.findall(rf'<article id="{name}">.*?</article>', page, re.DOTALL)
        assert re.findall(r'class="phone (\w+ \w+)"', article) == [
            "email light",
            "email dark",
            "slack light",
            "slack dark",
        ]
        assert article.count(escape(message.text)) == 2


@pytest.mark.parametrize("name", ["index.html", "picture.html"])
def test_the_page_brings_in_nothing_from_elsewhere(folder: Path, name: str) -> None:
    page = (folder / name).read_text("utf-8")

    assert re.findall(r"<(?:link|script|img|iframe|object)\b|@import|url\(|(?:src|href)=\"(?!#)", page) == []
    assert "prefers-color-scheme: dark" in page


def test_what_slack_would_show_escaped_is_not_taken_for_markup() -> None:
    payload = {
        "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "*What*\n&lt;b&gt; a*b ```x &amp; y```"}}]
    }

    page = preview_page.page({"closed": (messages()["closed"], payload)})

    assert '<div class="section"><b>What</b>\n&lt;b&gt; a*b <pre>x &amp; y</pre></div>' in page


def test_a_block_that_the_page_cannot_show_is_not_left_out_in_silence() -> None:
    with pytest.raises(ValueError, match="video"):
        preview_page.page({"closed": (messages()["closed"], {"blocks": [{"type": "video"}]})})
