"""Generates protos/gen from protos/ballast: messages, gRPC stubs and their types.

The messages of services that read many at a time are also written as protobuf-py's (`…_pb` beside `…_pb2`), which are parsed into
plain dictionaries and lists; see shared/rpc/native.py.

python protos/generate.py                 write protos/gen
python protos/generate.py --check         write nothing; exit 1 when protos/gen is not what the contracts give
python protos/generate.py --image FILE    write the contracts as one descriptor set, which buf lints and compares
"""

import filecmp
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import grpc_tools
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from protovalidate._gen.buf.validate import validate_pb

ROOT = Path(__file__).resolve().parent.parent
PROTOS = ROOT / "protos"
GENERATED = PROTOS / "gen"
WELL_KNOWN = Path(grpc_tools.__file__).parent / "_proto"
PACKAGES = Path(grpc_tools.__file__).parent.parent  # googleapis-common-protos ships its .proto files here
BORROWED = [
    "google/protobuf/any.proto",
    "google/protobuf/descriptor.proto",
    "google/protobuf/duration.proto",
    "google/protobuf/field_mask.proto",
    "google/protobuf/timestamp.proto",
    "google/type/date.proto",
    "google/type/dayofweek.proto",
    "google/type/money.proto",
    "google/type/timeofday.proto",
]

NATIVE = ["ballast/intake/v1/intake_service.proto"]  # and what these import
# Imports are absolute, as protos/gen is no package; and the rules' own messages once only, where protovalidate has them.
NATIVE_OPTIONS = (
    "--py_opt=init_files=false",
    "--py_opt=map_imports=buf/**:protovalidate._gen",
    "--py_opt=map_imports=ballast/**:.",
)


def protoc(*arguments: str) -> None:
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    command = [sys.executable, "-m", "grpc_tools.protoc", *arguments]
    subprocess.run(command, check=True, cwd=ROOT, env=environment)  # noqa: S603 - fixed program


def borrowed(folder: Path) -> Path:
    """Writes the descriptors of all files the contracts import from others.

    buf/validate/validate.proto comes as a descriptor from the protovalidate wheel, so that nothing is vendored. protoc takes
    imports either from folders or from descriptors, so Google's files join it in one set, dependencies first.
    """
    target = folder / "borrowed.binpb"
    protoc(f"-I{WELL_KNOWN}", f"-I{PACKAGES}", f"--descriptor_set_out={target}", "--include_imports", *BORROWED)
    files = FileDescriptorSet.FromString(target.read_bytes())
    files.file.append(FileDescriptorProto.FromString(validate_pb.desc().proto.to_binary()))
    target.write_bytes(files.SerializeToString())
    return target


def contracts() -> list[str]:
    return sorted(str(path.relative_to(PROTOS)) for path in (PROTOS / "ballast").rglob("*.proto"))


def with_imports(names: list[str]) -> list[str]:
    """Returns these contracts and all others that they import, directly or not."""
    found = list(names)
    for name in found:
        imported = re.findall(r'^import "(ballast/[^"]+)";', (PROTOS / name).read_text(), re.MULTILINE)
        found += [each for each in imported if each not in found]
    return sorted(found)


def write_image(target: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        descriptors = f"--descriptor_set_in={borrowed(Path(folder))}"
        protoc(f"-I{PROTOS}", descriptors, f"--descriptor_set_out={target}", "--include_imports", "--include_source_info", *contracts())


def generate(target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        descriptors = f"--descriptor_set_in={borrowed(Path(folder))}"
        messages = [f"--python_out={target}", f"--mypy_out=quiet:{target}"]
        stubs = [f"--grpc_python_out={target}", f"--mypy_grpc_out=quiet:{target}"]
        services = [name for name in contracts() if name.endswith("_service.proto")]
        protoc(f"-I{PROTOS}", descriptors, *messages, *contracts())
        protoc(f"-I{PROTOS}", descriptors, *stubs, *services)
        protoc(descriptors, *messages, "buf/validate/validate.proto")
        protoc(f"-I{PROTOS}", descriptors, f"--py_out={target}", *NATIVE_OPTIONS, *with_imports(NATIVE))
    (target / "ballast" / "py.typed").touch()


def different(left: Path, right: Path) -> list[str]:
    """Returns the paths of files that only one side has or that differ."""
    found = {
        str(path.relative_to(side))
        for side in (left, right)
        for path in side.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    def same(name: str) -> bool:
        return (left / name).is_file() and (right / name).is_file() and filecmp.cmp(left / name, right / name, shallow=False)

    return sorted(name for name in found if not same(name))


def check() -> int:
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder))
        stale = different(Path(folder), GENERATED)
    for name in stale:
        sys.stderr.write(f"protos/gen/{name} is not what the contracts give: run `make gen` and commit the result\n")
    return 1 if stale else 0


def main(arguments: list[str]) -> int:
    match arguments:
        case []:
            if GENERATED.exists():
                shutil.rmtree(GENERATED)
            generate(GENERATED)
            return 0
        case ["--check"]:
            return check()
        case ["--image", target]:
            write_image(Path(target).resolve())
            return 0
        case _:
            sys.stderr.write(__doc__ or "")
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
