"""The service of the course's XCom example: a person by number, in the format of swapi.dev."""

from __future__ import annotations

import re

from penstock_sandbox.http import Answer, Asked, json_answer

_PATH = re.compile(r"/(?:api|course)/people/(?P<number>\d{1,6})/?")

_PEOPLE = {
    "1": ("Luke Skywalker", "172", "77", "blond", "blue", "male"),
    "2": ("C-3PO", "167", "75", "n/a", "yellow", "n/a"),
    "3": ("R2-D2", "96", "32", "n/a", "red", "n/a"),
    "4": ("Darth Vader", "202", "136", "none", "yellow", "male"),
    "5": ("Leia Organa", "150", "49", "brown", "brown", "female"),
}
_FIELDS = ("name", "height", "mass", "hair_color", "eye_color", "gender")


class Course:
    """Five people. Numbers are strings, as in the real service. Needs no key."""

    name = "course"
    key_parameter = ""

    def unknown_key(self) -> Answer:
        """Never used, because any key is accepted."""
        return json_answer(401, {"detail": "Unauthorized"})

    def over_limit(self) -> Answer:
        """Used only by the failure switch."""
        return json_answer(429, {"detail": "Request was throttled."})

    def answer(self, asked: Asked) -> Answer:
        """Return the person; 404 for any other number or path."""
        match = _PATH.fullmatch(asked.path)
        person = _PEOPLE.get(match["number"]) if match else None
        if match is None or person is None:
            return json_answer(404, {"detail": "Not found"})
        fields = dict(zip(_FIELDS, person, strict=True))
        return json_answer(200, fields | {"url": f"{asked.base}/course/people/{match['number']}/"})

    def duplicate(self, asked: Asked) -> Answer:
        """Return the same answer."""
        return self.answer(asked)

    def late(self, asked: Asked, hours: int) -> Answer:  # noqa: ARG002  # people do not change by the hour
        """Return 404, as if the person did not exist yet."""
        return json_answer(404, {"detail": "Not found"})

    def field(self, asked: Asked) -> str:  # noqa: ARG002  # there is but one shape
        """Return the height."""
        return "height"
