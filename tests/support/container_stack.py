"""A stack of containers with a drawn data set, and what its gate says of it."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import docker
import yaml
from typer.testing import CliRunner

from cxrgate.cli.main import app
from cxrgate.client import Gate, Image
from cxrgate.gate.config import read_config
from cxrgate.rpc.channel import Identity
from cxrgate.serving.address import free_port

ROOT = Path(__file__).parents[2]
DEPLOY, MODELS = ROOT / "deploy", ROOT / "model_store" / "demo"
PROJECT = f"cxrgate-test-{os.getpid()}"
HEALTHY_SECONDS = 180
COLLECTOR, SPANS = f"{PROJECT}-collector", "/tmp/spans"
EXPORT_SECONDS = 60
"""Services export every 5 s, and after a failure within 64 s at the latest."""


class Stack:
    """What `cxrgate stack` started from `folder`, and the engine below it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.state = folder, folder / "state"
        self.address = f"127.0.0.1:{free_port('127.0.0.1')}"
        self.client = docker.from_env()
        self._collector = None

    def command(self, word, *options):
        """`cxrgate stack WORD`, with this stack's state."""
        return CliRunner().invoke(app, ["stack", word, *map(str, options), "--state", str(self.state)])

    def up(self, *options):
        place = ["--models", MODELS, "--listen", self.address, "--project", PROJECT, "--deploy", DEPLOY]
        return self.command("up", *place, *options)

    def collect_traces(self):
        """Store every span in a collector on the network `watch`, where the services look for it."""
        program = {"image": "cxrgate-gate:local", "entrypoint": "python", "command": ["-c", _COLLECT]}
        network = f"{PROJECT}_watch"
        self._collector = self.client.containers.run(**program, name=COLLECTOR, network=network, detach=True)

    def end_traces(self):
        """Leave the network, so that it can go."""
        if self._collector is not None:
            self._collector.remove(force=True)
            self._collector = None

    def traces(self, *expected):
        """All spans that were exported, as soon as the expected words are among them."""
        end = time.monotonic() + EXPORT_SECONDS
        while not all(word in (found := self._collector.exec_run(["cat", SPANS]).output) for word in expected):
            assert time.monotonic() < end, found
            time.sleep(1)
        return found

    def job(self, *arguments):
        """`docker compose run --rm ARGUMENTS`: a job of the compose file, finished, with what it printed."""
        place = ["--env-file", self.state / "stack.env", "--file", DEPLOY / "compose.yaml"]
        command = ["docker", "compose", *map(str, place), "run", "--rm", "--no-TTY", *arguments]
        return subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def container(self, service):
        return self.client.containers.get(f"{PROJECT}-{service}-1")

    def network(self, name):
        (found,) = self.client.networks.list(names=[f"{PROJECT}_{name}"])
        return found

    def address_on(self, network, service):
        """A service's own address on a network."""
        networks = self.container(service).attrs["NetworkSettings"]["Networks"]
        return networks[f"{PROJECT}_{network}"]["IPAddress"]

    def containers(self):
        """All that there are, running or not."""
        return self.client.containers.list(all=True, filters={"label": f"com.docker.compose.project={PROJECT}"})

    def run(self, service, code, expected=0):
        """Run Python in a service's container and give what it printed."""
        answer = self.container(service).exec_run(["python", "-c", code])
        assert answer.exit_code == expected, answer.output.decode()
        return answer.output.decode()

    def wait_until(self, healthy):
        """Until health says so: `cxrgate stack status` exits 0 exactly where all services are healthy."""
        end = time.monotonic() + HEALTHY_SECONDS
        while (self.command("status").exit_code == 0) != healthy:
            assert time.monotonic() < end, self.command("status").output
            time.sleep(1)

    def check(self, images):
        """The gate's answers through the published port, as the generator."""
        with Gate(self.address, Identity.read(self.state / "certificates" / "generator")) as gate:
            return list(gate.check_many(images))

    def metrics(self, name, port=9100):
        """What a service tells Prometheus."""
        return self.run(name, _READ_METRICS.format(name=name, port=port)).encode()

    def written(self):
        """Everything that the services wrote: logs, TorchServe's own, the audit log, metrics, snapshots."""
        found = {name: self.container(name).logs() for name in ("models", "index", "gate")}
        found["torchserve"] = self.run("models", _READ_LOGS).encode()
        for name, port in (("models", 8082), ("index", 9100), ("gate", 9100)):
            found[f"{name} metrics"] = self.metrics(name, port)
        for folder in ("log", "store"):
            found |= {str(path): path.read_bytes() for path in (self.state / folder).rglob("*") if path.is_file()}
        return found

    def remove(self):
        """Whatever is left of it."""
        self.end_traces()
        for container in self.containers():
            container.remove(force=True)
        for network in self.client.networks.list(filters={"label": f"com.docker.compose.project={PROJECT}"}):
            network.remove()
        self.client.close()


_COLLECT = f"""
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Collector(BaseHTTPRequestHandler):
    def do_POST(self):
        with open("{SPANS}", "ab") as file:
            file.write(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.end_headers()
ThreadingHTTPServer(("", 4318), Collector).serve_forever()
"""
_READ_LOGS = """
from pathlib import Path
for path in Path("/run/cxrgate/serving").rglob("*.log"):
    print(path.read_text())
"""
_READ_METRICS = """
from urllib.request import urlopen
with urlopen("http://{name}.watch:{port}/metrics") as answer:
    print(answer.read().decode())
"""


def local_config(folder):
    """The configuration of `cxrgate run` in this process over the drawn images and what the stack enrolled."""
    content = {
        "synthetic": "data/synthetic",
        "output": "out",
        "snapshot": "state/store/first",
        "storage_key": "state/storage.key",
        "models": str(MODELS),
    }
    path = folder / "local.yaml"
    path.write_text(yaml.safe_dump(content))
    return read_config(path)


def images_below(folder):
    """Every file, named by its path."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return [Image(path.read_bytes(), "-".join(path.relative_to(folder).parts)) for path in paths]
