"""The packages that are published: which there are, what is in them, and where they lie.

Every package is a small .deb with the control data of a real one, taken from the lists of the release that this machine follows, and
with nothing in it: what a publisher reads is real, what it only moves is small. Pools are the same for the same lists. They are kept
between runs, because making one takes longer than most of what is measured, and made again when what they are made of changes.
"""

import gzip
import hashlib
import json
import multiprocessing
import os
import re
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

# Counts as a part of what pools are made of: to be raised when this file makes other packages than before.
RECIPE = 1

# The time of everything in a package, so that the same package has the same bytes.
BUILD_TIME = 1_700_000_000

# What an index says of a package and its own control file does not.
FIELDS_OF_INDEXES = frozenset(["filename", "size", "md5sum", "sha1", "sha256", "sha512", "description-md5", "status"])

# Ten architectures of Debian, for the archive that is ten times as large.
TEN_ARCHITECTURES = (
    "amd64", "arm64", "armhf", "i386", "loong64", "mips64el", "ppc64", "ppc64el", "riscv64", "s390x",
)  # fmt: skip

UPDATES = 20


class PoolError(Exception):
    """There is nothing to make a pool of, or no room for it."""


@dataclass(frozen=True, slots=True)
class Package:
    """One binary package: its names, and its control file as text."""

    name: str
    version: str
    architecture: str
    source: str
    control: str

    def bumped(self, serial: int) -> "Package":
        """The same package with a version that is newer than any with a lower serial."""
        version = f"{original(self.version)}+u{serial}"
        return replace(self, version=version, control=with_field(self.control, "Version", version))

    def built_for(self, architecture: str) -> "Package":
        control = with_field(self.control, "Architecture", architecture)
        return replace(self, architecture=architecture, control=control)

    def field(self, name: str) -> str | None:
        found = re.search(rf"^{re.escape(name)}: (.*)$", self.control, re.MULTILINE)
        return found and found[1]

    def release(self) -> tuple[str, str]:
        """Name and version of the source that it was built from."""
        said = re.search(r"^Source: \S+ \((\S+)\)$", self.control, re.MULTILINE)
        return self.source, said[1] if said else self.version

    def path(self) -> str:
        """Where it lies below a pool's folder, named as policy has it: without the version's epoch."""
        prefix = self.source[:4] if self.source.startswith("lib") else self.source[:1]
        file = f"{self.name}_{self.version.split(':', 1)[-1]}_{self.architecture}.deb"
        return f"pool/main/{prefix}/{self.source}/{file}"

    def deb(self) -> bytes:
        """Its .deb. No padding, no owner: the least that dpkg-deb reads."""
        control = gzip.compress(tar([("./control", self.control.encode())]), 1, mtime=0)
        return ar([("debian-binary", b"2.0\n"), ("control.tar.gz", control), ("data.tar.gz", NO_DATA)])


def original(version: str) -> str:
    return re.sub(r"\+u\d+$", "", version)


def with_field(control: str, name: str, value: str) -> str:
    """The control file with another value of a field of one line."""
    return re.sub(rf"^{re.escape(name)}: .*$", lambda _: f"{name}: {value}", control, count=1, flags=re.MULTILINE)


def ar(members: list[tuple[str, bytes]]) -> bytes:
    """An ar archive as deb(5) wants it."""
    parts = [b"!<arch>\n"]
    for name, content in members:
        parts.append(f"{name:<16}{BUILD_TIME:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n".encode())
        parts.append(content + b"\n" * (len(content) % 2))
    return b"".join(parts)


def tar(files: list[tuple[str, bytes]]) -> bytes:
    """A tar of regular files. By hand, because Python's takes most of the time that a pool needs."""
    parts = []
    for path, content in files:
        fields = (
            path.encode().ljust(100, b"\0") + b"0000644\0" + b"0000000\0" * 2
            + b"%011o\0" % len(content) + b"%011o\0" % BUILD_TIME + b" " * 8 + b"0" + b"\0" * 100
            + b"ustar  \0" + b"root".ljust(32, b"\0") * 2
        ).ljust(512, b"\0")  # fmt: skip
        parts.append(fields[:148] + b"%06o\0 " % sum(fields) + fields[156:])
        parts.append(content + b"\0" * (-len(content) % 512))
    return b"".join(parts) + b"\0" * 1024


NO_DATA = gzip.compress(tar([]), 9, mtime=0)


# ---------------------------------------------------------------- the release's lists


def release_lists(file: Path | None) -> str:
    """The text of a Packages file, or of all that this machine's apt knows."""
    if file:
        return file.read_text(encoding="utf-8", errors="replace")
    if not shutil.which("apt-cache"):
        raise PoolError(
            "there is no apt-cache to read the release's packages from: name an uncompressed Packages file by --packages-file"
        )
    said = subprocess.run(["apt-cache", "dumpavail"], capture_output=True, check=False)
    if said.returncode:
        raise PoolError(f"apt-cache dumpavail failed: {said.stderr.decode(errors='replace').strip()}")
    return said.stdout.decode("utf-8", "replace")


def parse(text: str) -> list[Package]:
    """The packages of a Packages file in its order, of several versions of a package the first."""
    packages = {}
    for stanza in re.split(r"\n\n+", text):
        package = of_stanza(stanza)
        if package and package.name not in packages:
            packages[package.name] = package
    return list(packages.values())


def of_stanza(stanza: str) -> Package | None:
    """The package of a stanza, or nothing where the stanza is not of one."""
    lines, fields, kept = [], {}, False
    for line in stanza.strip("\n").split("\n"):
        if line[:1] not in (" ", "\t"):
            name, colon, value = line.partition(":")
            kept = bool(colon) and name.lower() not in FIELDS_OF_INDEXES
            fields[name.lower()] = value.strip()
        if kept:
            lines.append(line)
    if not all(fields.get(name) for name in ("package", "version", "architecture")):
        return None
    source = (fields.get("source") or fields["package"]).split(" ")[0]
    control = "\n".join(lines) + "\n"
    return Package(fields["package"], fields["version"], fields["architecture"], source, control)


def of_release(file: Path | None, limit: int | None) -> list[Package]:
    """So many packages of the release, in the order of its list, which is by source."""
    packages = parse(release_lists(file))
    # a machine with foreign architectures lists theirs as well
    built_for = [package.architecture for package in packages if package.architecture != "all"]
    native = max(set(built_for), key=built_for.count, default="amd64")
    packages = [package for package in packages if package.architecture in (native, "all")]
    wanted = limit or 1
    if len(packages) < max(wanted, UPDATES):
        raise PoolError(
            f"{max(wanted, UPDATES)} packages are wanted and the lists have {len(packages)}:"
            " fetch them by apt-get update, or name a Packages file by --packages-file"
        )
    return packages[:limit]


# ---------------------------------------------------------------- updates


def together(packages: list[Package]) -> list[Package]:
    """As updates come: of a few sources, that is beside each other in the list."""
    return packages[:UPDATES]


def spread(packages: list[Package]) -> list[Package]:
    """As they do not come: at equal distances over the whole archive, so that the most parts of it are touched."""
    return [packages[(2 * index + 1) * len(packages) // (2 * UPDATES)] for index in range(UPDATES)]


def write_packages(folder: Path, packages: list[Package]) -> Path:
    for package in packages:
        path = folder / package.path()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(package.deb())
    return folder


# ---------------------------------------------------------------- pools


@dataclass(frozen=True)
class Pool:
    """Packages and the folder where they lie; each for every architecture that is named, or as it is where none is."""

    folder: Path
    packages: list[Package]
    architectures: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.packages) * max(1, len(self.architectures))


def variants(package: Package, architectures: tuple[str, ...]) -> list[Package]:
    return [package.built_for(architecture) for architecture in architectures] or [package]


def kept_pool(beside: Path, packages: list[Package], architectures: tuple[str, ...], say) -> Pool:
    """The pool of these packages below a folder: the one that is there, or made now."""
    times = f"-times-{len(architectures)}" if architectures else ""
    pool = Pool(beside / f"pool-{len(packages)}{times}", packages, architectures)
    parameters = {"recipe": RECIPE, "packages": digest(packages), "architectures": list(architectures)}
    note = pool.folder / "made-of.json"
    if note.is_file() and json.loads(note.read_text()) == parameters:
        return pool
    say(f"making {len(pool)} packages in {os.path.relpath(pool.folder)}")
    making = pool.folder.with_name(pool.folder.name + ".making")
    for old in (making, pool.folder):
        shutil.rmtree(old, ignore_errors=True)
    for folder in sorted({os.path.dirname(package.path()) for package in packages}):
        (making / folder).mkdir(parents=True)
    jobs = ((package, str(making), architectures) for package in packages)
    with multiprocessing.Pool(len(os.sched_getaffinity(0))) as workers:
        for _ in workers.imap_unordered(write_variants, jobs, chunksize=100):
            pass
    (making / note.name).write_text(json.dumps(parameters) + "\n")
    # written back now, and not while something is measured
    os.sync()
    making.rename(pool.folder)
    return pool


def write_variants(job: tuple[Package, str, tuple[str, ...]]) -> None:
    package, root, architectures = job
    for variant in variants(package, architectures):
        with open(os.path.join(root, variant.path()), "wb") as file:
            file.write(variant.deb())


def digest(packages: list[Package]) -> str:
    sum_of_all = hashlib.sha256()
    for package in packages:
        sum_of_all.update(package.control.encode() + b"\n")
    return sum_of_all.hexdigest()


def link_tree(old: Path, new: Path) -> Path:
    """A copy of a folder whose files are hard links: a tool may move and remove them, and they take no disk of their own."""
    new.mkdir(parents=True, exist_ok=True)
    # Python needs a minute for the largest pool
    subprocess.run(["cp", "--recursive", "--link", f"{old}/.", str(new)], check=True)
    return new
