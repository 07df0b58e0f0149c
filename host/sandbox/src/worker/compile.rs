//! Makes native code of a component, within what [`confine`](super::confine) leaves.

use std::{fs::File, io::Write, path::Path};

use super::confine::Confinement;
use crate::{
    engine::{Metering, engine},
    frames::Insistence,
    limits::{CompileLimits, Limits},
    text,
};

/// Writes the artefact into the file that the parent has made for it, which is opened before the walls go up.
///
/// # Errors
/// A text that says why the compiler refuses the component, or the disk the artefact.
pub(super) fn compile(
    confinement: &mut Confinement,
    component: &[u8],
    artefact_out: &Path,
    (limits, insistence, metering): (&CompileLimits, Insistence, Metering),
) -> Result<(), String> {
    let unwritten = |error: std::io::Error| format!("cannot write {}: {error}", artefact_out.display());
    let mut file = File::options().write(true).truncate(true).open(artefact_out).map_err(unwritten)?;
    confinement.for_compiling(limits);
    // the compiler meets what nobody has looked into yet
    if let (Insistence::All, Some(missing)) = (insistence, confinement.walls().missing()) {
        return Err(format!("a wall that has to stand around hooks is missing: {missing}"));
    }
    let engine = engine(&Limits::default(), metering).map_err(|error| format!("no engine: {error:#}"))?;
    let artefact = engine
        .precompile_component(component)
        .map_err(|error| text::clip(&format!("{error:#}"), text::MOST_LINE_BYTES).to_owned())?;
    file.write_all(&artefact).and_then(|()| file.sync_all()).map_err(unwritten)
}
