"""The guestbook of App Engine's documentation, twice: greetings as root entities, and below their guestbook.

`eventual` stores each greeting by itself and asks for the newest of all. On the Datastore of its day such a query
could miss the greeting that was just signed. `strong` stores greetings below their guestbook and asks for those below
it, in GQL: such a query misses nothing. On Irori neither does.
"""

import html

import google.appengine.api
import webapp2
from google.appengine.api import memcache, users
from google.appengine.ext import db

PAGE = """<!doctype html><title>{name}</title>
<form action="/{form}/sign?guestbook={name}" method="post">
<textarea name="content" rows="3" cols="60"></textarea><input type="submit" value="Sign the guestbook"></form>
<p>{visits} visits</p>
{greetings}
"""
GREETING = "<p><b>{author}</b> wrote:</p><blockquote>{content}</blockquote>\n"


class Greeting(db.Model):
    """An entry of a guestbook."""

    guestbook = db.StringProperty()
    author = db.UserProperty()
    content = db.StringProperty(multiline=True)
    date = db.DateTimeProperty(auto_now_add=True)


class Eventual:
    """Each greeting is a root entity."""

    @staticmethod
    def sign(name, author, content):
        Greeting(guestbook=name, author=author, content=content).put()

    @staticmethod
    def newest(name):
        return Greeting.all().filter("guestbook =", name).order("-date").run(limit=10)


class Strong:
    """All greetings of a guestbook are below it, which makes them one entity group."""

    @staticmethod
    def key(name):
        return db.Key.from_path("Guestbook", name)

    @classmethod
    def sign(cls, name, author, content):
        Greeting(parent=cls.key(name), author=author, content=content).put()

    @classmethod
    def newest(cls, name):
        query = "SELECT * FROM Greeting WHERE ANCESTOR IS :1 ORDER BY date DESC LIMIT 10"
        return db.GqlQuery(query, cls.key(name))


FORMS = {"eventual": Eventual, "strong": Strong}


class MainPage(webapp2.RequestHandler):
    """Shows the ten newest greetings."""

    def get(self, form):
        name = self.request.get("guestbook", "default")
        visits = memcache.incr(f"visits:{name}", initial_value=0)
        greetings = "".join(
            GREETING.format(
                author=html.escape(greeting.author.nickname() if greeting.author else "An anonymous person"),
                content=html.escape(greeting.content),
            )
            for greeting in FORMS[form].newest(name)
        )
        self.response.write(PAGE.format(name=html.escape(name), form=form, visits=visits, greetings=greetings))


class Sign(webapp2.RequestHandler):
    """Takes a greeting."""

    def post(self, form):
        name = self.request.get("guestbook", "default")
        FORMS[form].sign(name, users.get_current_user(), self.request.get("content"))
        self.redirect(f"/{form}/?guestbook={name}")


ROUTES = [(r"/(eventual|strong)/", MainPage), (r"/(eventual|strong)/sign", Sign)]
app = google.appengine.api.wrap_wsgi_app(webapp2.WSGIApplication(ROUTES))
