"""The small service of the course's XCom example: a person by number, in the shape of swapi.dev."""

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
    """Five people; numbers are texts there, as they are at the real one. No key is asked for."""

    name = "course"
    key_parameter = ""

    def unknown_key(self) -> Answer:
        """Never given: any key will do."""
        return json_answer(401, {"detail": "Unauthorized"})

    def over_limit(self) -> Answer:
        """Given by the switch alone."""
        return json_answer(429, {"detail": "Request was throttled."})

    def answer(self, asked: Asked) -> Answer:
        """The person; 404 for another number or path."""
        match = _PATH.fullmatch(asked.path)
        person = _PEOPLE.get(match["number"]) if match else None
        if match is None or person is None:
            return json_answer(404, {"detail": "Not found"})
        fields = dict(zip(_FIELDS, person, strict=True))
        return json_answer(200, fields | {"url": f"{asked.base}/course/people/{match['number']}/"})

    def duplicate(self, asked: Asked) -> Answer:
        """The same."""
        return self.answer(asked)

    def late(self, asked: Asked, hours: int) -> Answer:  # noqa: ARG002  # people do not change by the hour
        """Not there yet."""
        return json_answer(404, {"detail": "Not found"})

    def field(self, asked: Asked) -> str:  # noqa: ARG002  # there is but one shape
        """The height."""
        return "height"
