"""The page's server: this machine only, one secret a start, and photographs by number, never by a path that a browser sends."""

import secrets
from typing import Any

from flask import Flask, Response, abort, jsonify, render_template, request, send_file

from trap_tools.audit.desk import Desk
from trap_tools.audit.species import Species
from trap_wire.errors import BadInputError, StorageError

# Only what this server gives may run or show: a photograph's metadata cannot become a script.
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'"
LOCAL = frozenset({"127.0.0.1", "localhost"})


def app(desk: Desk, choices: list[Species], words: dict[str, str], language: str = "en") -> Flask:
    """The application over one observer's desk."""
    made, secret = Flask(__name__), secrets.token_urlsafe(24)
    _fence(made, secret)
    _pages(made, desk)
    _verdicts(made, desk)

    @made.get("/")
    def page() -> str:
        shown = {"secret": secret, "task": str(desk.task), "observer": desk.observer, "language": language}
        return render_template("audit.html.j2", **shown, w=words, species=choices)

    return made


def _fence(made: Flask, secret: str) -> None:
    """No other site may speak through the browser (DNS rebinding, forged posts), and a fault is words, not a page."""

    @made.before_request
    def guard() -> None:
        if request.host.partition(":")[0] not in LOCAL:
            abort(403)
        if request.method == "POST" and request.headers.get("X-Manul") != secret:
            abort(403)

    @made.after_request
    def policy(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["Cache-Control"] = "no-store"
        return response

    @made.errorhandler(BadInputError)
    def bad(error: BadInputError) -> tuple[Response, int]:
        return jsonify(error=str(error)), 400

    @made.errorhandler(StorageError)
    def full(error: StorageError) -> tuple[Response, int]:
        return jsonify(error=str(error)), 507


def _pages(made: Flask, desk: Desk) -> None:
    @made.get("/api/next")
    def following() -> Response:
        return jsonify(desk.next())

    @made.get("/api/results")
    def results() -> Response:
        return jsonify(desk.results())

    @made.get("/frame/<int:item>/<int:frame>.jpg")
    def frame(item: int, frame: int) -> Response:
        if item >= len(desk.items) or frame >= len(desk.items[item].files):
            abort(404)
        return send_file(desk.items[item].files[frame], mimetype="image/jpeg")


def _verdicts(made: Flask, desk: Desk) -> None:
    @made.post("/api/say/<int:item>")
    def say(item: int) -> Response:
        said: Any = request.get_json(silent=True)
        if not isinstance(said, dict):
            raise BadInputError("a verdict is a JSON object")
        desk.say(item, said)
        return jsonify(desk.next())

    @made.post("/api/undo")
    def undo() -> Response:
        return jsonify(undone=desk.undo(), **desk.next())
