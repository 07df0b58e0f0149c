"""Lists the sources that a publication brings."""

@if pre-publication
import json

from componentize_py_types import Err
@end
from wit_world.imports import archive
@if pre-publication
from wit_world.imports import config, staging
@end
@if pass
from wit_world.imports import log
@end
@if finalize
from wit_world.imports import state
from wit_world.imports.types import FinalizeContext
@end
@if pass
from wit_world.imports.types import PassContext
@end
@if pre-publication
from wit_world.imports.types import HookError_Failed, HookError_Veto
@end
from wit_world.imports.types import Outcome, Report

PAGE = 500
@if pre-publication
PATH = "project/{{name}}.txt"
@end


def published() -> dict[str, str]:
    """The sources that this pass publishes, with their versions."""
    sources = {}
    with archive.changes() as changes:
        while page := changes.next(PAGE):
            for change in page:
                if (change.kind, change.action) == (archive.PackageKind.SOURCE, archive.Action.PUBLISHED):
                    sources[change.name] = change.version
    return dict(sorted(sources.items()))


def skipped() -> Report:
    return Report(Outcome.SKIPPED, "no sources were published", "")
@if pre-publication


class PrePublication:
    def run(self, context: PassContext) -> Report:
        held = json.loads(config.get()).get("hold", [])
        sources = published()
        for name in held:
            if name in sources:
                raise Err(HookError_Veto(f"{name} is held by the configuration of this hook"))
        if not sources:
            return skipped()
        for name, version in sources.items():
            log.write(log.Level.INFO, f"{name} {version}")
        text = "".join(f"{name} {version}\n" for name, version in sources.items())
        try:
            staging.write(PATH, text.encode())
        except Err as error:
            raise Err(HookError_Failed(f"cannot write {PATH}: {error.value}"))
        return Report(Outcome.DONE, f"listed {len(sources)} sources in {PATH}", "")
@end
@if post-publication


class PostPublication:
    def run(self, context: PassContext) -> Report:
        sources = published()
        if not sources:
            return skipped()
        for name, version in sources.items():
            log.write(log.Level.INFO, f"{name} {version}")
        return Report(Outcome.DONE, f"{len(sources)} sources published in {context.archive}", "")
@end
@if finalize


class Finalize:
    def run(self, context: FinalizeContext) -> Report:
        sources = published()
        if not sources:
            return skipped()
        passes = int((state.get("passes") or b"0").decode()) + 1
        state.set("passes", str(passes).encode())
        archives = len(context.archives)
        return Report(Outcome.DONE, f"pass {passes} brought {len(sources)} sources to {archives} archives", "")
@end
