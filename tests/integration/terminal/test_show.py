import time

from tests.integration.terminal.cases import *
from tests.integration.terminal.conftest import *
from tests.terminal import *


def test_show(world, utf8, tmp_path):
    for name in commands():
        c = CASES[name]
        place = world.project(tmp_path / name.replace(" ", "-"))
        words = [*name.split(), *(w.format(rejected=world.rejected) for w in c.words)]
        t = time.time()
        with utf8.terminal(
            words, Look(), cwd=Path("/") if c.lost else place, variables=world.variables
        ) as term:
            code = term.end()
            print(
                f"=== {name} code {code} (want {c.code}) {time.time() - t:.1f}s missing {[x for x in c.says if flat(x.format(rejected=world.rejected)) not in term.flat]}"
            )
            print(term.text[:700])
