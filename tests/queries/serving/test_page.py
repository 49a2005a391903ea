"""The page at `/`, in a browser where there is one."""

import re
import shutil
import threading
import time
from collections.abc import Iterator

import pytest

pytest.importorskip("fastapi")

import uvicorn

from queries.serving.app import create_app
from queries.serving.pages import FOLDER
from queries.serving.settings import ServeSettings

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


def test_every_asset_ships_and_nothing_comes_from_elsewhere():
    sources = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()}
    for name, source in sources.items():
        links = re.findall(r"""(?:src|href)="page/([^"]+)"|from "\./([^"]+)\"""", source)
        assert {link for pair in links for link in pair if link} <= set(sources), name
        foreign = set(re.findall(r"https?://[^\"'\s>]+", source))
        assert foreign <= {"http://www.w3.org/2000/svg"}, name
    assert {"app.js", "style.css", "icon.svg"} <= set(sources)


def test_titles_are_never_markup():
    for path in FOLDER.glob("*.js"):
        source = path.read_text(encoding="utf-8")
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write", source), (
            path
        )


def test_the_page_is_served_with_its_assets(client):
    page = client.get("/")
    assert page.status_code == 200
    assert 'src="page/app.js"' in page.text
    for name in ("app.js", "style.css", "icon.svg"):
        assert client.get(f"/page/{name}").status_code == 200
    assert "script-src 'self'" in page.headers["content-security-policy"]


@pytest.fixture(scope="module")
def address(trained, tmp_path_factory) -> Iterator[str]:
    """Return where a server listens."""
    folder = tmp_path_factory.mktemp("page")
    shutil.copytree(trained, folder / "run")
    app = create_app(ServeSettings(run=folder / "run", added=folder / "added.jsonl", watch=0))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}/"
    server.should_exit = True
    thread.join(10)


@pytest.fixture(scope="module")
def browser() -> Iterator:
    """Return a headless browser."""
    sync_api = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    with sync_api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def page(browser, address) -> Iterator:
    """Return the page, opened; a script that fails is a failure of the test."""
    wrong = []
    page = browser.new_page(color_scheme="light")
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(address)
    page.wait_for_selector("#domains button")
    yield page
    page.close()
    assert not wrong


def test_a_user_is_found_by_keys_alone_and_gets_answers(page):
    page.keyboard.press("/")
    page.keyboard.type("user-03")
    page.wait_for_selector("#found [role=option]")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_selector("#list button")
    assert "For user-03, films" in page.inner_text("#state")
    assert "books" in page.inner_text("#history").lower()


def test_an_answer_is_explained_and_closed_again(page):
    page.fill("#search", "user-03")
    page.wait_for_selector("#found [role=option]")
    page.keyboard.press("Enter")
    page.click("#list li:first-child button")
    page.wait_for_selector("#reasons svg.graph circle")
    assert "the score of" in page.inner_text("#reasons").lower()
    page.keyboard.press("Escape")
    assert page.is_hidden("#why")


def test_the_domain_can_be_switched(page):
    page.fill("#search", "user-03")
    page.wait_for_selector("#found [role=option]")
    page.keyboard.press("Enter")
    page.wait_for_selector("#state:has-text('films')")
    page.click("#domains button:has-text('books')")
    page.wait_for_selector("#state:has-text('For user-03, books')")


def test_a_title_shows_what_is_near(page):
    page.fill("#search", "The films called 4")
    page.wait_for_selector("#found [role=option]")
    page.keyboard.press("Enter")
    page.wait_for_selector("#state:has-text('Nearest to')")
    assert page.locator("#list li").count() > 1


def test_somebody_new_gets_answers(page):
    page.click("#tab-new")
    page.fill("#like", "books called 4")
    page.wait_for_selector("#likable [role=option]")
    page.keyboard.press("Enter")
    assert page.locator("#liked li").count() == 1
    page.click("#new button.main")
    page.wait_for_selector("#state:has-text('For you')")
    assert page.locator("#list li").count() > 1


def test_an_item_that_nobody_knows_has_its_like(page):
    page.click("#tab-new")
    page.fill("#text", "The films called 4")
    page.click("#near")
    page.wait_for_selector("#state:has-text('Nearest to what you described, films')")
    assert page.locator("#list li").count() > 1
    page.click("#domains button:has-text('books')")
    page.wait_for_selector("#state:has-text('Nearest to what you described, books')")
    page.fill("#text", "")
    page.click("#near")
    assert "Write what the item is" in page.inner_text("#state.wrong")


def test_what_is_wrong_is_said(page):
    page.click("#tab-new")
    page.click("#new button.main")
    assert "Write a few words" in page.inner_text("#state.wrong")


def test_light_and_dark(page):
    def paper() -> str:
        return page.evaluate("getComputedStyle(document.body).backgroundColor")

    before = paper()
    page.click("#theme")
    assert paper() != before
    page.reload()
    assert paper() != before
