"""Whether what a tool has published is right: fast and wrong counts for nothing.

Of Pressroom everything is looked at that a client relies on: the signatures, that Release has the sums of the files that are there, that xz
and gzip give the same text, that this text has the packages that it has to have and no others, and that their files are there. Of the others
only that they did what was asked. Nothing that was judged once and has not changed since is read again.
"""

import gzip
import hashlib
import lzma
import re
import subprocess
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from pool import Package, Pool
from tools import COMPONENT, OTHER_COMPONENT, SUITE, Tool, environment, native_architecture

# Of all files of the pool this share is read, of those that an update brought all.
READ_ONE_OF = 50


class WrongError(Exception):
    """What was published is not what it has to be."""


@dataclass(frozen=True)
class Change:
    """What a step has changed: a package that is now this one, in this component and, where it was asked for, this section; or is gone."""

    package: Package
    component: str = COMPONENT
    section: str | None = None
    gone: bool = False


class Live(NamedTuple):
    """A version of a package that an index has to show."""

    version: str
    # name and version of the source that it was built from
    release: tuple[str, str]
    is_for_all: bool

    @classmethod
    def of(cls, package: Package) -> "Live":
        return cls(package.version, package.release(), package.architecture == "all")


@dataclass
class Expected:
    """What is to be in each index, by component and architecture, then by package, the newest version last.

    Of a package there is one version, and beside it older ones for all architectures while something for one architecture that was built from
    the same source is there: what belongs together stays installable.
    """

    native: str
    live: dict[tuple[str, str], dict[str, list[Live]]] = field(default_factory=dict)
    # names that a step was about
    touched: set[str] = field(default_factory=set)
    # how often a source has something for one architecture
    specific: Counter[tuple[str, str]] = field(default_factory=Counter)

    @classmethod
    def of_pool(cls, pool: Pool) -> "Expected":
        expected = cls(native_architecture(pool)[0])
        for architecture in pool.architectures or (expected.native,):
            made = (package.built_for(architecture) if pool.architectures else package for package in pool.packages)
            expected.live[COMPONENT, architecture] = {package.name: [Live.of(package)] for package in made}
            expected.live[OTHER_COMPONENT, architecture] = {}
            for [one] in expected.live[COMPONENT, architecture].values():
                expected.count(one, 1)
        return expected

    def index_of(self, change: Change) -> tuple[str, str]:
        architecture = change.package.architecture
        return change.component, self.native if architecture == "all" else architecture

    def versions(self, index: tuple[str, str]) -> list[tuple[str, str]]:
        """Names and versions of an index, sorted."""
        return sorted((name, one.version) for name, all_of_it in self.live[index].items() for one in all_of_it)

    def apply(self, changes: list[Change]) -> None:
        """A package is in one component only. What older versions are kept for is known when all changes are in."""
        for change in changes:
            component, architecture = self.index_of(change)
            name = change.package.name
            self.touched.add(name)
            for (other, where), packages in self.live.items():
                if where == architecture and (other != component or change.gone):
                    for one in packages.pop(name, []):
                        self.count(one, -1)
            if change.gone:
                continue
            new = Live.of(change.package)
            versions = self.live.setdefault((component, architecture), {}).setdefault(name, [])
            if new not in versions:
                versions.append(new)
                self.count(new, 1)
                for old in versions[:-1]:
                    self.count(old, -1)
        for packages in self.live.values():
            for versions in packages.values():
                if len(versions) > 1:
                    versions[:-1] = [old for old in versions[:-1] if old.is_for_all and self.specific[old.release] > 0]

    def count(self, one: Live, by: int) -> None:
        if not one.is_for_all:
            self.specific[one.release] += by


class Judge:
    """Looks at one archive of Pressroom from its first publication on."""

    def __init__(self, served: Path, keyring: Path, expected: Expected) -> None:
        self.served = served
        self.suite = served / "dists" / SUITE
        self.keyring = keyring
        self.expected = expected
        self.judged: dict[tuple[str, str], tuple[str, str]] = {}

    def first(self) -> None:
        self.signatures()
        files = self.release()
        for index in sorted(self.expected.live):
            self.files(index, self.index(index, files))

    def changed(self, changes: Iterable[Change]) -> None:
        """What a step has changed shows, and nothing else has changed."""
        changes = list(changes)
        before = {self.expected.index_of(change)[1] for change in changes}
        self.expected.apply(changes)
        self.signatures()
        files = self.release()
        for index in sorted(self.expected.live):
            sums = tuple(files[f"{self.packages(index)}.{ending}"] for ending in ("gz", "xz"))
            if index[1] in before or self.judged.get(index) != sums:
                text = self.index(index, files)
                for change in changes:
                    if self.expected.index_of(change) == index and not change.gone:
                        self.one(index, text, change)

    def files_are_there(self, packages: Iterable[Package], wanted: bool) -> None:
        """The pool has the files of these packages, or no longer."""
        for package in packages:
            same((self.served / package.path()).exists(), wanted, f"whether {package.path()} is there")

    @staticmethod
    def packages(index: tuple[str, str]) -> str:
        return f"{index[0]}/binary-{index[1]}/Packages"

    def signatures(self) -> None:
        for files in (["InRelease"], ["Release.gpg", "Release"]):
            run(["gpgv", "--quiet", "--keyring", str(self.keyring), *(str(self.suite / file) for file in files)])
        signed = (self.suite / "InRelease").read_text().partition("\n\n")[2].partition("-----BEGIN PGP SIGNATURE-----")[0]
        text = re.sub(r"^- ", "", signed, flags=re.MULTILINE)
        same(text.strip(), (self.suite / "Release").read_text().strip(), "the text of InRelease, and Release")

    def release(self) -> dict[str, str]:
        """Compares Release with the files that it is over, and gives their SHA256."""
        listed = release_sums((self.suite / "Release").read_text())
        same(sorted(listed), ["MD5Sum", "SHA256"], "the kinds of sums in Release")
        same(sorted(listed["MD5Sum"]), sorted(listed["SHA256"]), "the files with an MD5Sum, and those with a SHA256")
        found = {}
        for path in sorted(self.suite.rglob("*")):
            name = str(path.relative_to(self.suite))
            if not path.is_file() or "by-hash" in name or name in ("Release", "Release.gpg", "InRelease"):
                continue
            content = path.read_bytes()
            for kind, algorithm in (("MD5Sum", "md5"), ("SHA256", "sha256")):
                same(
                    listed[kind].get(name),
                    (hashlib.new(algorithm, content).hexdigest(), len(content)),
                    f"the {kind} of {name} in Release, and its own",
                )
            found[name] = listed["SHA256"][name][0]
            same((path.parent / "by-hash/SHA256" / found[name]).read_bytes() == content, True, f"that {name} is under by-hash")
        for name in sorted(set(listed["SHA256"]) - set(found)):
            # the uncompressed index is listed even where only compressed ones are there
            same(f"{name}.xz" in found, True, f"that {name}, which Release lists, is there")
        return found

    def index(self, index: tuple[str, str], files: dict[str, str]) -> str:
        """Reads an index in all its forms, and compares its packages with those that it has to have."""
        name = self.packages(index)
        gz, xz = (self.suite / f"{name}.{ending}" for ending in ("gz", "xz"))
        run(["gzip", "-t", str(gz)])
        run(["xz", "-t", str(xz)])
        text = lzma.decompress(xz.read_bytes())
        same(gzip.decompress(gz.read_bytes()) == text, True, f"that {name}.gz and {name}.xz have the same text")
        for kind, algorithm in (("MD5Sum", "md5"), ("SHA256", "sha256")):
            listed = release_sums((self.suite / "Release").read_text())[kind][name]
            same(listed, (hashlib.new(algorithm, text).hexdigest(), len(text)), f"the {kind} of {name} in Release, and its own")
        text = text.decode()
        found = sorted(zip(values(text, "Package"), values(text, "Version"), strict=True))
        wanted = self.expected.versions(index)
        for one in sorted(set(found) ^ set(wanted)):
            same(one in found, one in wanted, f"whether {' '.join(one)} is in {name}")
        same(len(found), len(wanted), f"the number of packages in {name}")
        self.judged[index] = (files[f"{name}.gz"], files[f"{name}.xz"])
        return text

    def files(self, index: tuple[str, str], text: str) -> None:
        """All files that an index names are in the pool; some are read."""
        named = zip(values(text, "Filename"), values(text, "Size"), values(text, "SHA256"), strict=True)
        for count, (file, size, digest) in enumerate(named):
            path = self.served / file
            same(path.is_file() and path.stat().st_size, int(size), f"the size of {file}")
            if count % READ_ONE_OF == 0:
                same(hashlib.sha256(path.read_bytes()).hexdigest(), digest, f"the SHA256 of {file}")

    def one(self, index: tuple[str, str], text: str, change: Change) -> None:
        package = change.package
        stanzas = re.findall(rf"^Package: {re.escape(package.name)}$.*?(?=^$|\Z)", text, re.MULTILINE | re.DOTALL)
        stanza = next((one for one in stanzas if values(one, "Version") == [package.version]), "")
        content = package.deb()
        name = f"{package.name} in {self.packages(index)}"
        same(values(stanza, "SHA256"), [hashlib.sha256(content).hexdigest()], f"the SHA256 of {name}")
        same(values(stanza, "MD5sum"), [hashlib.md5(content).hexdigest()], f"the MD5sum of {name}")
        same((self.served / values(stanza, "Filename")[0]).read_bytes() == content, True, f"the file of {name}")
        if change.section:
            same(values(stanza, "Section"), [change.section], f"the section of {name}")


def peer(tool: Tool, packages: list[Package]) -> None:
    """A peer has published these packages besides all others."""
    indexes = tool.indexes()
    same(len(indexes) > 0, True, f"that {tool.name} has published a Packages.gz")
    text = "\n".join(gzip.decompress(index.read_bytes()).decode() for index in indexes)
    same(len(set(values(text, "Package"))), len(tool.pool), f"the number of packages that {tool.name} has published")
    published = set(zip(values(text, "Package"), values(text, "Version"), strict=True))
    for package in packages:
        same(
            (package.name, package.version) in published, True, f"that {tool.name} has published {package.name} {package.version}"
        )


def values(text: str, name: str) -> list[str]:
    """The values of a field in all stanzas, in their order."""
    return re.findall(rf"^{name}: (.*)$", text, re.MULTILINE)


def release_sums(text: str) -> dict[str, dict[str, tuple[str, int]]]:
    """The sum and length of each file, by the kind of sum."""
    sums: dict[str, dict[str, tuple[str, int]]] = {}
    kind: dict[str, tuple[str, int]] = {}
    for line in text.splitlines():
        name, _, rest = line.partition(":")
        if not line.startswith(" "):
            kind = {} if rest.strip() else sums.setdefault(name, {})
        else:
            digest, length, file = line.split()
            kind[file] = (digest, int(length))
    return sums


def same(found, wanted, what: str) -> None:
    if found != wanted:
        shown = [repr(value) if len(repr(value)) < 200 else repr(value)[:200] + "…" for value in (found, wanted)]
        raise WrongError(f"{what}: there is {shown[0]}, and it has to be {shown[1]}")


def run(command: list[str]) -> None:
    said = subprocess.run(command, capture_output=True, check=False, env=environment())
    if said.returncode:
        raise WrongError(f"{' '.join(command)}: {said.stderr.decode(errors='replace').strip()}")


# ---------------------------------------------------------------- sizes


def sizes(suite: Path, index: str) -> dict[str, dict[str, int]]:
    """How long the forms of an index are, and what `xz -6` and `gzip -6` make of the same text."""
    text = lzma.decompress((suite / f"{index}.xz").read_bytes())
    found = {}
    for ending, command in (("xz", ["xz", "-6", "--threads=1", "--stdout"]), ("gz", ["gzip", "-6", "--no-name", "--stdout"])):
        made = subprocess.run(command, input=text, capture_output=True, check=True, env=environment()).stdout
        found[ending] = {
            "bytes": (suite / f"{index}.{ending}").stat().st_size,
            "reference_bytes": len(made),
            "text_bytes": len(text),
        }
    return found
