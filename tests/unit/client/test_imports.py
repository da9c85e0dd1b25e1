import json
import subprocess
import sys

PROGRAM = """
import json, sys
before = set(sys.modules)
import cxrgate.client, cxrgate.client.diffusers
loaded = {name.split(".")[0] for name in set(sys.modules) - before}
print(json.dumps(sorted(loaded - set(sys.stdlib_module_names))))
"""


def test_the_client_loads_grpc_and_protobuf_and_nothing_else():
    ran = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)

    # grpc loads its own sister packages where they are installed, and brings typing_extensions and Cython's runtime.
    own = ("grpc", "google", "cxrgate", "typing_extensions", "cython_runtime", "_cython_")
    assert [name for name in json.loads(ran.stdout) if not name.startswith(own)] == []
