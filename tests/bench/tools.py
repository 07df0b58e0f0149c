"""The publishers that are compared, and with which commands each takes packages in and publishes them.

Each has a folder of its own, below which everything of it lies, and a copy of the pool there. Nothing here measures or judges: a step is a
list of commands, which the bench runs one after the other, each in a fresh process. What is done once by hand, and what only puts files
where a tool looks for them, is not measured.
"""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from pool import Package, Pool, link_tree

SUITE = "bench"
COMPONENT = "main"
# Where a package is moved to.
OTHER_COMPONENT = "contrib"


class ToolError(Exception):
    """A tool could not be prepared."""


@dataclass(frozen=True)
class Command:
    """A part of a step: what it does, and how."""

    part: str
    arguments: list[str]


def prepare_by(arguments: list[str]) -> str:
    """Runs something that is not measured, and gives what it printed."""
    said = subprocess.run(arguments, capture_output=True, check=False, env=environment())
    if said.returncode:
        raise ToolError(f"{' '.join(arguments)} failed: {said.stderr.decode(errors='replace').strip()}")
    return said.stdout.decode(errors="replace")


def environment(scratch: Path | None = None) -> dict[str, str]:
    """What every tool runs in: nothing of the caller's that could change what it does, and its own scratch space."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return {**kept, "LC_ALL": "C.UTF-8", **({"TMPDIR": str(scratch)} if scratch else {})}


class Tool:
    """A publisher with a folder of its own."""

    name: str
    programs: tuple[str, ...]

    def __init__(self, root: Path, pool: Pool) -> None:
        self.root = root
        self.pool = pool
        self.incoming = link_tree(pool.folder, root / "incoming")
        self.scratch = root / "tmp"
        self.scratch.mkdir()
        self.prepare()

    @classmethod
    def missing(cls) -> list[str]:
        return [program for program in cls.programs if not shutil.which(program)]

    def prepare(self) -> None:
        """Makes the archive that packages go to."""

    def first(self) -> list[Command]:
        """Takes the whole pool in and publishes it."""
        raise NotImplementedError

    def update(self, folder: Path) -> list[Command]:
        """Takes the packages of a folder in and publishes them."""
        raise NotImplementedError

    def indexes(self) -> list[Path]:
        """The Packages.gz that it has published."""
        raise NotImplementedError


class Pressroom(Tool):
    """Signed, gz and xz, by-hash, MD5Sum and SHA256: as `init` makes a root."""

    name = "pressroom"
    program = Path("pressroom")

    @classmethod
    def missing(cls) -> list[str]:
        return [] if os.access(cls.program, os.X_OK) else [str(cls.program)]

    def prepare(self) -> None:
        self.keyring = self.root / "key.gpg"
        self.served = self.root / "root/archives/bench"
        architectures = self.pool.architectures or native_architecture(self.pool)
        components = [argument for name in (COMPONENT, OTHER_COMPONENT) for argument in ("--component", name)]
        named = [argument for name in architectures for argument in ("--architecture", name)]
        prepare_by(
            [
                str(self.program),
                "init",
                str(self.root / "root"),
                "--distribution",
                "bench",
                "--series",
                SUITE,
                *components,
                *named,
            ]
        )
        self.keyring.write_bytes(
            subprocess.run(self.command("key", "export", "--binary"), capture_output=True, check=True, env=environment()).stdout
        )

    def command(self, *arguments: str) -> list[str]:
        return [str(self.program), "--root", str(self.root / "root"), *arguments]

    def take(self, *paths: Path) -> Command:
        return Command("import", self.command("import", "--suite", SUITE, "--component", COMPONENT, *map(str, paths)))

    def publish(self) -> Command:
        return Command("publish", self.command("publish"))

    def first(self) -> list[Command]:
        return [self.take(self.incoming), self.publish()]

    def update(self, folder: Path) -> list[Command]:
        return [self.take(folder), self.publish()]

    def override(self, package: Package, option: str, value: str) -> list[Command]:
        """An override that counts for what is published."""
        setting = self.command("override", "set", "--series", SUITE, package.name, option, value, "--published")
        return [Command("override", setting), self.publish()]

    def remove(self, *packages: Package) -> list[Command]:
        """Binary packages taken out of the suite."""
        names = [package.name for package in packages]
        return [Command("remove", self.command("remove", "--suite", SUITE, "--binary", *names)), self.publish()]

    def death_row(self) -> Command:
        """Takes out of the pool what has left the indexes for good."""
        return Command("death row", self.command("process-death-row"))

    def indexes(self) -> list[Path]:
        return sorted(self.served.glob(f"dists/{SUITE}/*/binary-*/Packages.gz"))


class AptFtparchive(Tool):
    """`generate` with a cache database, gz and xz. The Release file, which is a run of its own, is left to it."""

    name = "apt-ftparchive"
    programs = ("apt-ftparchive",)

    def prepare(self) -> None:
        (self.root / "cache").mkdir()
        (self.root / f"dists/{SUITE}/{COMPONENT}/binary-x").mkdir(parents=True)
        (self.root / "incoming/pool").rename(self.root / "pool")
        self.configuration = self.root / "generate.conf"
        self.configuration.write_text(
            f'Dir {{ ArchiveDir "{self.root}"; CacheDir "{self.root}/cache"; }};\n'
            'Default { Packages::Compress "gzip xz"; };\n'
            f'BinDirectory "pool" {{ Packages "dists/{SUITE}/{COMPONENT}/binary-x/Packages"; BinCacheDB "pool.db"; Contents " "; }};\n'
        )

    def first(self) -> list[Command]:
        return [Command("publish", ["apt-ftparchive", "generate", str(self.configuration)])]

    def update(self, folder: Path) -> list[Command]:
        # an upload is there already when a run begins
        link_tree(folder / "pool", self.root / "pool")
        return self.first()

    def indexes(self) -> list[Path]:
        return sorted(self.root.glob("dists/*/*/*/Packages.gz"))


class Aptly(Tool):
    """gz and bz2, which is all that it has, unsigned and without Contents."""

    name = "aptly"
    programs = ("aptly",)

    def prepare(self) -> None:
        self.configuration = self.root / "aptly.conf"
        options = {"skipContentsPublishing": True, "gpgDisableSign": True, "gpgDisableVerify": True}
        self.configuration.write_text(json.dumps({"rootDir": str(self.root / "root"), **options}))
        self.architecture = native_architecture(self.pool)[0]
        prepare_by(self.command("repo", "create", f"-distribution={SUITE}", f"-component={COMPONENT}", "bench"))

    def command(self, *arguments: str) -> list[str]:
        return ["aptly", f"-config={self.configuration}", *arguments]

    def first(self) -> list[Command]:
        publish = self.command("publish", "repo", "-skip-signing", f"-architectures={self.architecture}", "bench")
        return [Command("import", self.command("repo", "add", "bench", str(self.incoming))), Command("publish", publish)]

    def update(self, folder: Path) -> list[Command]:
        publish = self.command("publish", "update", "-skip-signing", SUITE)
        return [Command("import", self.command("repo", "add", "bench", str(folder))), Command("publish", publish)]

    def indexes(self) -> list[Path]:
        return sorted(self.root.glob("root/public/dists/*/*/binary-*/Packages.gz"))


class Reprepro(Tool):
    """gz and xz, unsigned."""

    name = "reprepro"
    programs = ("reprepro",)

    def prepare(self) -> None:
        (self.root / "root/conf").mkdir(parents=True)
        architecture = native_architecture(self.pool)[0]
        (self.root / "root/conf/distributions").write_text(
            f"Codename: {SUITE}\nArchitectures: {architecture}\nComponents: {COMPONENT}\nDebIndices: Packages Release . .gz .xz\n"
        )
        self.list = self.root / "packages"
        self.list.write_text("".join(f"{path}\n" for path in debs(self.incoming)))

    def command(self, *arguments: str) -> list[str]:
        return ["reprepro", "-b", str(self.root / "root"), *arguments]

    def first(self) -> list[Command]:
        # as many at once as an argument list takes
        taken = self.command("-C", COMPONENT, "--export=never", "includedeb", SUITE)
        return [
            Command("import", ["xargs", "-a", str(self.list), "-n", "5000", *taken]),
            Command("publish", self.command("export", SUITE)),
        ]

    def update(self, folder: Path) -> list[Command]:
        # takes in and publishes in one
        return [Command("publish", self.command("-C", COMPONENT, "includedeb", SUITE, *map(str, debs(folder))))]

    def indexes(self) -> list[Path]:
        return sorted(self.root.glob("root/dists/*/*/binary-*/Packages.gz"))


PEERS: tuple[type[Tool], ...] = (Aptly, AptFtparchive, Reprepro)


def native_architecture(pool: Pool) -> tuple[str]:
    """The one architecture that the packages of a pool are for."""
    return (next((package.architecture for package in pool.packages if package.architecture != "all"), "amd64"),)


def debs(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.deb"))
