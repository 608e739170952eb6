"""Checks a compose file by the types of the specification, and that what services refer to exists."""

import pathlib
import re
import sys

import yaml
from compose_spec import PyCompose

path = pathlib.Path(sys.argv[1])
# Variables stand for their defaults, and `<<` is merged, as compose does both.
text = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", path.read_text())
document = yaml.safe_load(text)
problems = []
compose = PyCompose.from_yaml(yaml.safe_dump(document))
compose.to_spec()
compose.validate()
for name in document.get("configs", {}).values():
    if not (path.parent / name["file"]).exists():
        problems.append(f"{name['file']} is missing")
for name, service in document["services"].items():
    for other, condition in service.get("depends_on", {}).items():
        if condition["condition"] == "service_healthy" and not document["services"][other].get("healthcheck"):
            problems.append(f"{name} waits for the health of {other}, which has no check")
print(*problems, sep="\n")
sys.exit(bool(problems))
