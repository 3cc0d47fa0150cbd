"""The guestbook of App Engine's documentation, as a WSGI application: both forms show the newest greeting at once."""

import re
import uuid

import guestbook
import pytest
import webapp2

PATTERN = re.compile(r"<p><b>(.*?)</b> wrote:</p><blockquote>(.*?)</blockquote>", re.DOTALL)


@pytest.fixture(params=["eventual", "strong"])
def form(request):
    return request.param


@pytest.fixture
def book():
    """The application is one for all tests, and so is its data."""
    return f"book-{uuid.uuid4().hex[:8]}"


def sign(form, book, content, user=None):
    headers = {"X-Appengine-Api-Ticket": "t"}
    if user:
        headers |= {"X-Appengine-User-Email": user, "X-Appengine-User-Id": "1", "X-Appengine-Auth-Domain": "gmail.com"}
    request = webapp2.Request.blank(f"/{form}/sign?guestbook={book}", POST={"content": content}, headers=headers)
    assert request.get_response(guestbook.app).status_int == 302


def page(form, book):
    request = webapp2.Request.blank(f"/{form}/?guestbook={book}", headers={"X-Appengine-Api-Ticket": "t"})
    response = request.get_response(guestbook.app)
    assert response.status_int == 200, response.text
    return response.text


def greetings(form, book):
    return PATTERN.findall(page(form, book))


def test_the_newest_greeting_is_shown_at_once(form, book):
    for number in range(30):
        sign(form, book, f"greeting {number}")
        assert greetings(form, book)[0] == ("An anonymous person", f"greeting {number}")
    assert [content for _, content in greetings(form, book)] == [f"greeting {n}" for n in range(29, 19, -1)]


def test_greetings_have_authors(form, book):
    sign(form, book, "<hello>", user="ada@gmail.com")
    assert greetings(form, book) == [("ada", "&lt;hello&gt;")]


def test_guestbooks_are_apart(form, book):
    sign(form, book, "here")
    assert (len(greetings(form, book)), greetings(form, f"{book}-other")) == (1, [])


def test_visits_are_counted(form, book):
    pages = [page(form, book) for _ in range(3)]
    assert [re.search(r"(\d+) visits", text).group(1) for text in pages] == ["1", "2", "3"]
