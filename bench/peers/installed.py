"""Bytes on disk that torch, transformers and peft need with all that they require, and Python itself: one JSON object.

Counted as ours are: what an installer writes for this platform, compiled Python files left out. CUDA's packages, and CUDA's
libraries within torch, are a sum of their own.
"""
import json
import os
import re
import sys
import sysconfig
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

CUDA_PACKAGE = re.compile(r"^(nvidia-|cuda-|triton$)")
CUDA_FILE = re.compile(r"(^|/)torch/lib/lib.*(cuda|cudnn|nccl|nvrtc|cupti|cusparse|nvshmem).*\.so")


def closure(names):
    found, waiting = {}, list(names)
    while waiting:
        name = waiting.pop().lower().replace("_", "-")
        if name in found:
            continue
        found[name] = distribution = metadata.distribution(name)
        for text in distribution.requires or []:
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(requirement.name)
    return found


def size(path):
    try:
        return os.lstat(path).st_size
    except OSError:
        return 0


packages, cuda = {}, 0
for name, distribution in closure(["torch", "transformers", "peft"]).items():
    for file in distribution.files or []:
        path = str(file)
        if path.endswith(".pyc"):
            continue
        bytes_ = size(distribution.locate_file(file))
        if CUDA_PACKAGE.match(name) or CUDA_FILE.search(path):
            cuda += bytes_
        else:
            packages[name] = packages.get(name, 0) + bytes_

stdlib = Path(sysconfig.get_path("stdlib"))
skipped = {"__pycache__", "site-packages", "dist-packages", "test", "ensurepip", "idlelib", "tkinter"}
runtime = size(os.path.realpath(sys.executable))
for folder, folders, files in os.walk(stdlib):
    folders[:] = [name for name in folders if name not in skipped and not name.startswith("config-")]
    runtime += sum(size(os.path.join(folder, file)) for file in files)
print(json.dumps({"runtime": runtime, "packages": packages, "cuda": cuda}))
