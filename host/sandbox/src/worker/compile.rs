//! Makes native code of a component, within what [`confine`](super::confine) leaves.

use std::{fs::File, io::Write, path::Path};

use crate::{
    engine::{Metering, engine},
    limits::Limits,
    text,
};

/// Writes the artefact into the file that the parent has made for it.
///
/// # Errors
/// A text that says why the compiler refuses the component, or the disk the artefact.
pub(super) fn compile(component: &[u8], artefact_out: &Path, metering: Metering) -> Result<(), String> {
    let engine = engine(&Limits::default(), metering).map_err(|error| format!("no engine: {error:#}"))?;
    let artefact = engine
        .precompile_component(component)
        .map_err(|error| text::clip(&format!("{error:#}"), text::MOST_LINE_BYTES).to_owned())?;
    let written = File::options().write(true).truncate(true).open(artefact_out).and_then(|mut file| {
        file.write_all(&artefact)?;
        file.sync_all()
    });
    written.map_err(|error| format!("cannot write {}: {error}", artefact_out.display()))
}
